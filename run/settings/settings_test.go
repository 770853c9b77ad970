package settings

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
)

// other has a value of each setting that is not the default. A new setting needs one.
var other = map[string]string{
	"dataset": "cifar10", "classes": "3", "class_seed": "5", "data": "/elsewhere", "coarse": "true", "size": "64", "cache": "off", "normalize": "true", "augment": "shift:3,flip",
	"model": "dfa", "convnet": "true", "layers": "20,30", "filters": "8:3:1", "activation": "relu",
	"forward_init": "N1", "init_from": "/there/run", "backward_init": "N0.5", "feedback": "generated", "clamp_floor": "1e-06",
	"optimizer": "adam", "momentum": "0.9", "nesterov": "true", "lr": "0.001", "schedule": "step:30:0.1", "warmup": "5:0.01", "feedback_lr": "0.02", "l2": "0.5", "weight_decay": "0.01",
	"reduction": "sum", "freeze": "0", "batch_size": "8", "max_epochs": "3", "max_steps": "9", "patience": "4", "best": "loss", "seed": "4",
	"device": "cpu", "sync": "true", "tf32": "true", "profile": "true", "checkpoint_every": "-1",
	"out": "/there", "report": "false", "tensorboard": "true", "alignment": "7",
}

// factsOf are those of a run of mdfa over a small network.
func factsOf(t *testing.T, spec Spec) *Facts {
	t.Helper()
	layers := []int{5}
	if spec.Layers != "" {
		var err error
		layers, err = model.ParseLayers(spec.Layers)
		require.NoError(t, err)
	}
	net, err := model.NewDense(model.Shape{H: 9, W: 9, C: 1}, layers, 10, gpu.Tanh)
	if spec.Filters != "" || spec.Convnet {
		net, err = model.NewConv(model.Shape{H: 9, W: 9, C: 1}, []model.Filter{{Filters: 8, Kernel: 3, Stride: 1}}, 10, gpu.Tanh)
	}
	require.NoError(t, err)
	rule, err := algo.ParseRule(spec.Model)
	require.NoError(t, err)
	return &Facts{Spec: spec, Shape: [3]int{9, 9, 1}, Source: spec.Data, Network: net, Rule: rule, OnGPU: true}
}

func mdfaRun() Spec {
	s := Defaults()
	s.Model = "mdfa"
	return s
}

// shown says whether a place of a changed setting shows the change.
func shown(t *testing.T, changed Spec, place func(*Facts) []Fact) bool {
	t.Helper()
	return !assert.ObjectsAreEqual(place(factsOf(t, mdfaRun())), place(factsOf(t, changed)))
}

func TestEverySettingIsDeclaredInFull(t *testing.T) {
	require.Len(t, other, len(List), "each setting and its example here")
	defaults := Defaults()
	names := map[string]bool{}
	for _, s := range List {
		t.Run(s.Name, func(t *testing.T) {
			require.False(t, names[s.Name], "twice")
			names[s.Name] = true
			assert.NotEmpty(t, s.Group)
			assert.NotEmpty(t, s.Help)
			assert.Equal(t, s.Switch(), s.Argument == "", "a word for the value, unless it is a switch")
			assert.NotEqual(t, undecided, s.Resume, "what a resumed run does with it")
			assert.True(t, s.Resume != Share || s.Identity, "shared settings tell runs apart")
			require.NoError(t, s.check(&defaults))

			spec := mdfaRun()
			require.NotEqual(t, other[s.Name], s.Typed(&spec))
			require.NoError(t, s.Set(&spec, other[s.Name]))
			assert.Equal(t, other[s.Name], s.Text(&spec))
			assert.NoError(t, s.check(&spec))
			assert.True(t, spec.Chosen(s.Name))

			values, given := spec.Record()
			assert.Len(t, values, len(List))
			assert.Equal(t, other[s.Name], values[s.Name])
			assert.Contains(t, given, s.Name)
			again := Recorded(values, given)
			assert.Equal(t, other[s.Name], s.Text(&again))

			assert.Equal(t, s.Identity, !spec.SameRun(factsOf(t, mdfaRun())), "tells runs apart")
			assert.Equal(t, s.Result != nil, shown(t, spec, (*Facts).Columns) || s.Name == "size", "result.csv")
			assert.Equal(t, s.Compare != nil, shown(t, spec, (*Facts).Compared) || s.Name == "data", "comparison")
			if s.Beside != "" {
				require.NotNil(t, Find(s.Beside), s.Beside)
				assert.NotNil(t, s.Compare, "Beside is for comparisons")
			}
			if s.Header != nil {
				assert.NotEqual(t, factsOf(t, mdfaRun()).String(), factsOf(t, spec).String())
			}
			if s.Page != nil {
				assert.True(t, shown(t, spec, func(f *Facts) []Fact { return f.PageFacts(s.Group) }))
			}
		})
	}
}

func TestEveryFieldOfASpecIsASetting(t *testing.T) {
	spec := Defaults()
	for _, s := range List {
		require.NoError(t, s.Set(&spec, other[s.Name]))
	}
	got, defaults := reflect.ValueOf(spec), reflect.ValueOf(Defaults())
	for i := range got.NumField() {
		if name := got.Type().Field(i).Name; name != "Given" {
			assert.NotEqual(t, defaults.Field(i).Interface(), got.Field(i).Interface(), name)
		}
	}
}

func TestResumedRunsInheritShareOrRenew(t *testing.T) {
	for _, s := range List {
		before := mdfaRun()
		require.NoError(t, s.Set(&before, other[s.Name]))
		earlier := factsOf(t, before)

		typed := mdfaRun()
		typed.Given = map[string]bool{"quiet": true}
		got, err := typed.Resumed(earlier, "run")
		require.NoError(t, err)
		want := other[s.Name]
		if s.Resume == Renew {
			want = s.Text(&typed)
		}
		assert.Equal(t, want, s.Text(&got), s.Name)
		assert.Equal(t, s.Resume != Renew, got.Given[s.Name], s.Name)
		assert.True(t, got.Given["quiet"], "flags of the program stay")

		typed.Given = map[string]bool{s.Name: true}
		got, err = typed.Resumed(earlier, "run")
		if s.Resume == Share {
			assert.ErrorContains(t, err, "-"+s.Name+" ", s.Name)
			assert.ErrorContains(t, err, "run was started with -"+s.Name, s.Name)
			continue
		}
		require.NoError(t, err, s.Name)
		assert.Equal(t, s.Text(&typed), s.Text(&got), s.Name)
	}
	before, typed := mdfaRun(), Defaults()
	before.TF32 = true
	typed.Device, typed.Given = "cpu", map[string]bool{"device": true}
	got, err := typed.Resumed(factsOf(t, before), "run")
	require.NoError(t, err)
	assert.False(t, got.TF32, "it belongs to the other device")
}

// TestALengthThatTheRatesDependOnIsShared takes another number of epochs for a run whose cosine ends with it.
func TestALengthThatTheRatesDependOnIsShared(t *testing.T) {
	for _, name := range []string{"max_epochs", "max_steps"} {
		before, longer := mdfaRun(), mdfaRun()
		require.NoError(t, Find(name).Set(&longer, "200"))
		for _, schedule := range []string{"constant", "step:30:0.1", "cosine"} {
			before.Schedule, longer.Schedule = schedule, schedule
			_, err := longer.Resumed(factsOf(t, before), "run")
			if schedule == "cosine" {
				assert.ErrorContains(t, err, "-"+name+" 200: run was started with -"+name)
			} else {
				assert.NoError(t, err)
			}
		}
	}
}

func TestSettingsAreComparedByWhatTheyMean(t *testing.T) {
	net, err := model.NewConv(model.Shape{H: 9, W: 9, C: 1}, []model.Filter{{Filters: 8, Kernel: 3, Stride: 2}}, 10, gpu.Tanh)
	require.NoError(t, err)
	f := &Facts{Network: net, Shape: [3]int{9, 9, 1}}
	effect := func(name, text string) string {
		s, spec := Find(name), Defaults()
		if s.Set(&spec, text) != nil && text != "0" {
			t.Errorf("-%s %s", name, text)
		}
		return s.InEffect(&spec, f)
	}
	for _, c := range []struct{ name, a, b string }{
		{"classes", "0", "10"}, {"size", "0", "9"}, {"lr", "1e-3", "0.001"}, {"feedback_lr", "0", "0.0001"}, {"model", "MDFA", "mdfa"},
		{"forward_init", "u1", "U1.0"}, {"filters", "", "8:3:2"}, {"filters", " 8:3:2", "8:3:2"},
		{"freeze", "conv", "0"}, {"freeze", "", "none"}, {"freeze", "1, 0,conv", "0,1"}, {"freeze", "7", "7"},
		{"layers", "20, 30", "20,30"}, {"convnet", "1", "true"}, {"augment", "Flip, shift", "shift:4,flip"}, {"layers", "x", "x"},
	} {
		assert.Equal(t, effect(c.name, c.a), effect(c.name, c.b), "%v", c)
	}
	for _, c := range []struct{ name, a, b string }{
		{"classes", "0", "9"}, {"lr", "1e-3", "1e-4"}, {"model", "dfa", "mdfa"}, {"forward_init", "U1", "N1"},
		{"freeze", "", "0"}, {"freeze", "1", "conv"},
		{"filters", "", "8:3:1"}, {"layers", "20", "30"}, {"convnet", "true", "false"}, {"tf32", "true", "false"},
	} {
		assert.NotEqual(t, effect(c.name, c.a), effect(c.name, c.b), "%v", c)
	}
}

func TestPhotographsAreComparedByTheirFolder(t *testing.T) {
	there, elsewhere := mdfaRun(), mdfaRun()
	there.Data, elsewhere.Data = "/there", "/elsewhere"
	assert.Equal(t, factsOf(t, there).Compared(), factsOf(t, elsewhere).Compared(), "mnist is the same everywhere")
	there.Dataset, elsewhere.Dataset = loaders.Folder, loaders.Folder
	assert.Contains(t, factsOf(t, there).Compared(), Fact{"data", "/there"})
	assert.Contains(t, factsOf(t, elsewhere).Compared(), Fact{"data", "/elsewhere"})
}

func TestNamedClassesAreComparedWithThoseOfTheRun(t *testing.T) {
	f := factsOf(t, mdfaRun())
	f.Classes, f.ClassOrder, f.ClassNames = "cat+:7", []int{3, 7}, []string{"cat", "big, red"}
	for text, same := range map[string]bool{
		"cat+:7": true, ":7,cat": true, "3,7": true, "7+3": true, "7,cat": true,
		"cat,dog": false, "cat,8": false, "cat,7,8": false, "2": false, "all": false, "x": false,
	} {
		spec := mdfaRun()
		spec.Classes = text
		assert.Equal(t, same, spec.SameRun(f), text)
	}
	spec := mdfaRun()
	spec.Classes, spec.Given = "7,3", map[string]bool{"classes": true}
	_, err := spec.Resumed(f, "run")
	require.NoError(t, err)
	spec.Classes = "3,8"
	_, err = spec.Resumed(f, "run")
	assert.ErrorContains(t, err, "-classes 3+8: run was started with -classes cat+:7, ")
}

func TestRecordsOfEarlierVersionsAreComparedAsBefore(t *testing.T) {
	for recorded, now := range map[string]string{"0": "all", "2": "2"} {
		was := Recorded(map[string]string{"classes": recorded}, nil)
		f := factsOf(t, was)
		spec := Defaults()
		spec.Classes = now
		assert.True(t, spec.SameRun(f))
		spec.ClassSeed = "0" // the seed, too
		assert.False(t, spec.SameRun(f), "of another group")
		assert.Equal(t, now, Find("classes").Text(&was))
		assert.Equal(t, SameSeed, Find("class_seed").Text(&was))
	}
}

func TestTheSeedOfTheClassesIsShownWhereItPicks(t *testing.T) {
	for _, c := range []struct{ classes, seed, result, compare, text string }{
		{"2", "seed", "4", "", "seed 4"},
		{"2", "", "4", "", "seed 4"},
		{"2", "07", "7", "7", "seed 4, class seed 7"},
		{"2", "4", "4", "4", "seed 4, class seed 4"},
		{"3+8", "seed", "", "", "seed 4"},
		{"all", "seed", "4", "", "seed 4"},
	} {
		f := factsOf(t, mdfaRun())
		f.Seed, f.Classes, f.ClassSeed = 4, c.classes, c.seed
		require.NoError(t, f.Check())
		require.NoError(t, f.CheckClasses())
		assert.Contains(t, f.Columns(), Fact{"class_seed", c.result})
		assert.Contains(t, f.Compared(), Fact{"class seed", c.compare})
		assert.Contains(t, f.PageFacts(GroupData), Fact{"class seed", c.compare})
		assert.Equal(t, c.text, f.SeedText())
	}
}

func TestASeedOfClassesThatPicksNoneIsRefused(t *testing.T) {
	for classes, want := range map[string]string{
		"all": "-class_seed 5 picks some of the classes, and all of them are used: add -classes K, such as -classes 2, or leave it out.",
		"3,8": "-class_seed 5 picks classes, and -classes 3,8 names them: leave one of them out.",
	} {
		s := Defaults()
		s.Classes, s.ClassSeed = classes, "5"
		require.NoError(t, s.Check())
		assert.EqualError(t, s.CheckClasses(), want)
		s.ClassSeed = SameSeed
		assert.NoError(t, s.CheckClasses())
	}
}

// TestLayersTellRunsApart compares the layers of a run with those that other settings would give it.
func TestLayersTellRunsApart(t *testing.T) {
	mnist := model.Shape{H: 28, W: 28, C: 1}
	small := []model.Filter{{Filters: 96, Kernel: 5, Stride: 2}, {Filters: 96, Kernel: 3, Stride: 2}, {Filters: 96, Kernel: 3, Stride: 1}}
	one := []model.Filter{{Filters: 6, Kernel: 5, Stride: 1}}
	for _, c := range []struct {
		filters, layers   string // of the earlier run
		made              []model.Filter
		hidden            []int
		same              bool
		filters2, layers2 string
	}{
		{"", "", small, nil, true, "", ""},
		{"", "", small, nil, true, "", "none"},
		{"", "", small, nil, true, "96:5:2,96:3:2,96:3:1", ""},
		{"96:5:2,96:3:2,96:3:1", "", small, nil, true, "", ""},
		{"6:5:1", "", one, nil, false, "", ""},
		{"", "20", small, []int{20}, false, "", ""},
		{"", "20", small, []int{20}, true, "", " 20"},
		{"", "", small, nil, false, "", "20"},
		{"6:5:1", "20", one, []int{20}, false, "6:5:1", ""},
		{"6:5:1", "20", one, []int{20}, true, "6:5:1", "20"},
	} {
		net, err := model.New(mnist, c.made, c.hidden, 10, gpu.Tanh)
		require.NoError(t, err)
		earlier, spec := Defaults(), Defaults()
		earlier.Convnet, earlier.Filters, earlier.Layers = true, c.filters, c.layers
		spec.Convnet, spec.Filters, spec.Layers = true, c.filters2, c.layers2
		f := &Facts{Spec: earlier, Shape: [3]int{28, 28, 1}, Network: net, Rule: algo.BP}
		assert.Equal(t, c.same, spec.SameRun(f), "%+v", c)
	}
}

func TestColumnsKeepTheirPlaces(t *testing.T) {
	var names []string
	for _, c := range factsOf(t, mdfaRun()).Columns() {
		names = append(names, c.Name)
	}
	assert.Equal(t, []string{
		"dataset", "classes", "class_seed", "coarse", "image_size", "normalize", "augment", "model", "convnet",
		"layers", "filters", "activation", "forward_init", "init_from",
		"backward_init", "feedback", "optimizer", "momentum", "nesterov", "lr", "feedback_lr", "schedule", "warmup", "l2", "clamp_floor", "weight_decay",
		"reduction", "tf32", "freeze", "batch_size", "max_epochs", "max_steps", "patience", "best_by", "seed", "data",
	}, names)
}

func TestASpecNamesWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(*Spec){
		"-lr -1: expected a number from 0 on, such as 0.001 or 1e-4.":                               func(s *Spec) { s.LR = -1 },
		"-momentum 1: expected a number from 0 to below 1, such as 0.9":                             func(s *Spec) { s.Momentum = 1 },
		"-weight_decay -1: expected a number from 0 on":                                             func(s *Spec) { s.WeightDecay = -1 },
		`-schedule "step:30": expected constant, step:N:FACTOR, multistep:N,N:FACTOR with rising N`: func(s *Spec) { s.Schedule = "step:30" },
		`-warmup "-1": expected N or N:START`:                                                       func(s *Spec) { s.Warmup = "-1" },
		"-batch_size 0: expected a whole number from 1 on.":                                         func(s *Spec) { s.BatchSize = 0 },
		"-classes cat: expected a number of classes, or the names of at least two, such as 3,8":     func(s *Spec) { s.Classes = "cat" },
		"-class_seed -1: expected a whole number from 0 to 4294967295, or seed":                     func(s *Spec) { s.ClassSeed = "-1" },
		"-class_seed 4294967296: expected a whole number from 0 to 4294967295, or seed":             func(s *Spec) { s.ClassSeed = "4294967296" },
		"-cache no: expected auto, on or off.":                                                      func(s *Spec) { s.Cache = "no" },
		`-activation "x": expected tanh, relu`:                                                      func(s *Spec) { s.Activation = "x" },
		`-model "mdf" is unknown; there are bp, `:                                                   func(s *Spec) { s.Model = "mdf" },
		"-checkpoint_every -2: expected a whole number from -1 on.":                                 func(s *Spec) { s.CheckpointEvery = -2 },
		`-backward_init "U-1": the scale is negative; expected a number such as`:                    func(s *Spec) { s.BackwardInit = "U-1" },
	} {
		s := Defaults()
		change(&s)
		assert.ErrorContains(t, s.Check(), want)
	}
}
