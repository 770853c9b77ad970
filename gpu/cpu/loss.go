package cpu

import (
	"math"

	"mdfa/gpu"
)

// lossRows is the number of examples that one part scores.
const lossRows = 64

// Loss scores examples part by part, and adds the parts' sums in their order.
func (d *Device) Loss(a gpu.LossArgs) error {
	uses := []gpu.Span{a.Logits.Span, a.Bias, a.Labels, a.E.Span, a.BiasGrad, a.Metrics, a.Step}
	return d.submit("loss", a.Check(), uses, func() []phase {
		n, classes := a.Logits.Rows, a.Logits.Cols
		logits, bias, labels := floats(a.Logits.Span), floats(a.Bias), ints(a.Labels)
		e, biasGrad := floats(a.E.Span), floats(a.BiasGrad)
		metrics, step := doubles(a.Metrics), ints(a.Step)

		parts := (n + lossRows - 1) / lossRows
		partial := make([][gpu.NumMetrics]float64, parts)
		score := func(part, _ int) {
			var sum [gpu.NumMetrics]float64
			for i := part * lossRows; i < min((part+1)*lossRows, n); i++ {
				row := logits[i*classes : (i+1)*classes]
				for j, b := range bias {
					row[j] += b
				}
				var errors []float32
				if !a.E.IsNone() {
					errors = e[i*classes : (i+1)*classes]
				}
				scoreRow(&sum, row, errors, int(labels[i]), a.Scale)
			}
			partial[part] = sum
		}
		finish := func() {
			for _, sum := range partial {
				for k, v := range sum {
					metrics[k] += v
				}
			}
			if !a.E.IsNone() {
				columnSums(biasGrad, e)
			}
			for i := range step {
				step[i]++
			}
		}
		return []phase{{parts, score}, serial(finish)}
	})
}

// scoreRow adds one example's metrics to sum and writes its error unless errors is nil.
func scoreRow(sum *[gpu.NumMetrics]float64, logits, errors []float32, label int, scale float32) {
	sum[gpu.MetricCount]++
	if len(logits) == 1 {
		scoreSigmoid(sum, logits[0], errors, label, scale)
		return
	}
	if label < 0 || label >= len(logits) {
		sum[gpu.MetricLoss] = math.NaN()
		fillNaN(errors)
		return
	}
	largest := logits[0]
	for _, v := range logits {
		if v > largest {
			largest = v
		}
	}
	total := 0.0
	for j, v := range logits {
		p := math.Exp(float64(v - largest))
		total += p
		if errors != nil {
			errors[j] = float32(p)
		}
	}
	sum[gpu.MetricLoss] += float64(largest) - float64(logits[label]) + math.Log(total)
	if rank := rankOf(logits, label); rank < 5 {
		sum[gpu.MetricTop5]++
		if rank == 0 {
			sum[gpu.MetricCorrect]++
		}
	}
	if errors == nil {
		return
	}
	factor := scale / float32(total)
	for j := range errors {
		errors[j] *= factor
	}
	errors[label] -= scale
}

func scoreSigmoid(sum *[gpu.NumMetrics]float64, logit float32, errors []float32, label int, scale float32) {
	if label != 0 && label != 1 {
		sum[gpu.MetricLoss] = math.NaN()
		fillNaN(errors)
		return
	}
	a, y := float64(logit), float64(label)
	small := math.Exp(-math.Abs(a))
	sum[gpu.MetricLoss] += math.Max(a, 0) - a*y + math.Log1p(small)
	sum[gpu.MetricTop5]++
	if (a > 0) == (label == 1) && !math.IsNaN(a) {
		sum[gpu.MetricCorrect]++
	}
	if errors == nil {
		return
	}
	p := 1 / (1 + small)
	if a < 0 {
		p = small / (1 + small)
	}
	errors[0] = scale * float32(p-y)
}

// rankOf counts the classes with a larger logit than the true one, an equal logit and a lower
// index, or NaN.
func rankOf(logits []float32, label int) int {
	rank, own := 0, logits[label]
	for j, v := range logits {
		if j == label {
			continue
		}
		if !(v < own || v == own && j > label) {
			rank++
		}
	}
	return rank
}

func fillNaN(s []float32) {
	for i := range s {
		s[i] = float32(math.NaN())
	}
}
