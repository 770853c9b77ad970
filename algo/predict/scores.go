package predict

import (
	"cmp"
	"math"
	"slices"
)

// Scores are the logits of one example, read as a classifier. One logit tells two classes
// apart: it speaks for class 1. Ranks and predictions follow the rule of [gpu.LossArgs], so
// that their counts are those that a run reports.
type Scores []float32

// Probabilities has one for each class: the softmax of the logits, or the sigmoid of the
// one logit. They are NaN where a logit is, or +Inf.
func (s Scores) Probabilities() []float64 {
	if len(s) == 1 {
		a := float64(s[0])
		return []float64{1 / (1 + math.Exp(a)), 1 / (1 + math.Exp(-a))}
	}
	largest := math.Inf(-1)
	for _, a := range s {
		largest = max(largest, float64(a))
	}
	p, sum := make([]float64, len(s)), 0.0
	for i, a := range s {
		p[i] = math.Exp(float64(a) - largest)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Rank returns the number of classes that the network puts before one: 0 if it predicts it.
func (s Scores) Rank(class int) int {
	if len(s) == 1 {
		if predicted := s[0] > 0; !math.IsNaN(float64(s[0])) && predicted == (class == 1) {
			return 0
		}
		return 1
	}
	rank, own := 0, s[class]
	for i, a := range s {
		if i != class && (!(a <= own) || a == own && i < class) {
			rank++
		}
	}
	return rank
}

// Top returns the k classes that the network finds most likely, the first first.
func (s Scores) Top(k int) []int {
	logits := s
	if len(s) == 1 {
		logits = Scores{0, s[0]}
	}
	order := make([]int, len(logits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return -cmp.Compare(logits[i], logits[j]) })
	return order[:min(k, len(order))]
}
