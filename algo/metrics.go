package algo

import "mdfa/gpu"

// Metrics are sums over examples since they were last reset.
type Metrics struct {
	Loss                 float64 // cross-entropy in nats
	Correct, Top5, Count float64
}

// MeanLoss returns the loss per example.
func (m Metrics) MeanLoss() float64 { return m.Loss / m.Count }

// Accuracy returns the share of examples whose true class came first.
func (m Metrics) Accuracy() float64 { return m.Correct / m.Count }

// Top5Accuracy returns the share of examples whose true class was among the first five.
func (m Metrics) Top5Accuracy() float64 { return m.Top5 / m.Count }

// Slots returns the sums as a device keeps them.
func (m Metrics) Slots() []float64 {
	return []float64{gpu.MetricLoss: m.Loss, gpu.MetricCorrect: m.Correct, gpu.MetricTop5: m.Top5, gpu.MetricCount: m.Count}
}

// MetricsOf returns the sums that a device keeps, as [Metrics.Slots] returns them.
func MetricsOf(slots []float64) Metrics {
	return Metrics{
		Loss: slots[gpu.MetricLoss], Correct: slots[gpu.MetricCorrect], Top5: slots[gpu.MetricTop5], Count: slots[gpu.MetricCount],
	}
}

// Metrics waits for the device and reads the sums.
func (l *Learner) Metrics() (Metrics, error) {
	slots, err := gpu.Read[float64](l.dev, gpu.All(l.metrics))
	if err != nil {
		return Metrics{}, err
	}
	return MetricsOf(slots), nil
}

// ResetMetrics sets all sums to zero.
func (l *Learner) ResetMetrics() error { return l.dev.Zero(gpu.All(l.metrics)) }
