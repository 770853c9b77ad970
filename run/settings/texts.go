package settings

import (
	"fmt"
	"strconv"
	"strings"

	"mdfa/algo/training"
	"mdfa/internal/parse"
	"mdfa/loaders"
	"mdfa/model"
)

// layersInEffect is a list of layers in one spelling. A default list is that of the run's network, or if the run
// named other layers, that of the paper's network for its images.
func layersInEffect(name string, list func(*model.Network) string) func(s *Spec, f *Facts) string {
	return func(s *Spec, f *Facts) string {
		switch {
		case s.Chosen(name) || f.Network == nil:
			return Find(name).Text(s)
		case !f.Chosen(name):
			return list(f.Network)
		}
		paper, err := model.Default(f.Network.Input, s.Convnet, f.Network.Classes, f.Network.Activation)
		if err != nil {
			return ""
		}
		return list(paper)
	}
}

// frozen lists the numbers of the layers that do not learn.
func frozen(s *Spec, f *Facts) string {
	choice, err := model.ParseChoice(s.Freeze)
	var layers []int
	if err == nil && f.Network != nil {
		layers, err = f.Network.Choose(choice)
	}
	if err != nil || f.Network == nil {
		return Find("freeze").Text(s)
	}
	numbers := make([]string, len(layers))
	for i, layer := range layers {
		numbers[i] = strconv.Itoa(layer)
	}
	return strings.Join(numbers, ",")
}

// photographs are the files of the data set folder, which may be of anything; "" for another data set, wherever its files are.
func photographs(f *Facts) string {
	if f.Dataset != loaders.Folder {
		return ""
	}
	return f.Source
}

// forward is the initializer of the weights; "" where they come from another run.
func forward(f *Facts) string {
	if f.InitFrom != "" {
		return ""
	}
	return value("forward_init", f)
}

// backward is the initializer of the feedback; "" where the rule has none.
func backward(f *Facts) string {
	if !f.Rule.HasFeedback() {
		return ""
	}
	return value("backward_init", f)
}

// floor is mdfa's floor; "" where the rule has none.
func floor(f *Facts) string {
	if !f.Rule.Clamps() {
		return ""
	}
	return parse.Text(f.ClampFloor)
}

func momentum(f *Facts) float64    { return f.Momentum }
func weightDecay(f *Facts) float64 { return f.WeightDecay }

// unlessDefault shows a setting behind a prefix; "" where it has its default.
func unlessDefault(prefix, name string) func(*Facts) string {
	return func(f *Facts) string {
		defaults, text := Defaults(), value(name, f)
		if text == Find(name).Text(&defaults) {
			return ""
		}
		return prefix + text
	}
}

// ratesEndWithRun says whether the learning rates depend on the length of the run.
func ratesEndWithRun(f *Facts) bool {
	schedule, err := training.ParseRateSchedule(f.Schedule)
	return err == nil && schedule.EndsWithRun()
}

// unlessZero shows a number behind a prefix; "" for 0.
func unlessZero(prefix string, number func(*Facts) float64) func(*Facts) string {
	return func(f *Facts) string {
		if number(f) == 0 {
			return ""
		}
		return prefix + parse.Text(number(f))
	}
}

// nesterov shows that the momentum has Nesterov's form.
func nesterov(text string) func(*Facts) string {
	return func(f *Facts) string {
		if !f.Nesterov {
			return ""
		}
		return text
	}
}

// parseMomentum takes numbers from 0 to below 1.
func parseMomentum(text string) (string, error) {
	x, err := parse.Number("momentum", text)
	if err == nil && x >= 1 {
		err = fmt.Errorf("momentum %s: expected a number from 0 to below 1, such as 0.9", text)
	}
	return text, err
}

// feedbackLR is the learning rate of the feedback; "" where none was chosen and the feedback does not learn.
func feedbackLR(f *Facts) string {
	if f.FeedbackLR == 0 && !f.Rule.LearnsFeedback() {
		return ""
	}
	return value("feedback_lr", f)
}

// mostSteps is the limit of steps; "" without one.
func mostSteps(f *Facts) string {
	if f.MaxSteps == 0 {
		return ""
	}
	return strconv.Itoa(f.MaxSteps)
}

// patience is the number of epochs without a new best one that end the run; "" where none do.
func patience(f *Facts) string {
	if f.Patience == 0 {
		return ""
	}
	return strconv.Itoa(f.Patience)
}

// value is the value in effect of the setting of a name.
func value(name string, f *Facts) string { return Find(name).InEffect(&f.Spec, f) }
