package predict

// Confusion counts examples by true and by predicted class.
type Confusion struct {
	Classes int
	Counts  []int // [true class, predicted class]; nil for more than MaxConfusion classes
	Correct int   // the examples whose true class came first
	Top5    int   // the examples whose true class was among the first five
	Total   int
}

// MaxConfusion is the largest number of classes whose pairs are counted: they take 32 MB then.
const MaxConfusion = 2000

// NewConfusion returns an empty count for classes 0 to classes-1.
func NewConfusion(classes int) *Confusion {
	c := &Confusion{Classes: classes}
	if classes <= MaxConfusion {
		c.Counts = make([]int, classes*classes)
	}
	return c
}

// Add counts the examples of a batch by their logits, [n, logits], and true classes, [n],
// by the same rule as a run's accuracy. An example with logits that are NaN is wrong: it
// counts in the totals, and in the column of the class that [Scores.Top] has first, or second
// where the first is the true one.
func (c *Confusion) Add(logits []float32, labels []int32) {
	width := len(logits) / max(1, len(labels))
	for i, label := range labels {
		s := Scores(logits[i*width : (i+1)*width])
		rank := s.Rank(int(label))
		c.Total++
		if rank == 0 {
			c.Correct++
		}
		if rank < topRanks {
			c.Top5++
		}
		if c.Counts == nil {
			continue
		}
		predicted := int(label)
		if rank > 0 {
			predicted = s.other(int(label))
		}
		c.Counts[int(label)*c.Classes+predicted]++
	}
}

// topRanks is the number of classes that top-5 looks at.
const topRanks = 5

// other returns the most likely class that is not the given one.
func (s Scores) other(class int) int {
	first := s.Top(2)
	if first[0] == class {
		return first[1]
	}
	return first[0]
}

// Accuracy returns the share of examples whose true class came first.
func (c *Confusion) Accuracy() float64 { return float64(c.Correct) / float64(c.Total) }

// Top5Accuracy returns the share of examples whose true class was among the first five.
func (c *Confusion) Top5Accuracy() float64 { return float64(c.Top5) / float64(c.Total) }

// At returns the number of examples of class truth that were predicted as class predicted. Must
// not be called for more than MaxConfusion classes.
func (c *Confusion) At(truth, predicted int) int { return c.Counts[truth*c.Classes+predicted] }
