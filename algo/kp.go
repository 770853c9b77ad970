package algo

import (
	"mdfa/gpu"
	"mdfa/model"
)

// KP is the rule of Kolen and Pollack: feedback alignment whose matrices learn beside the weights. Weights and feedback
// get the same changes, and weight decay takes away the difference with which they began, so that the feedback
// turns towards the transposed weights.
//
//	d_{l-1} = (d_l B_lᵀ) ⊙ f'(a_{l-1}), from d_L = e down to d_0     gB_l = gW_l, B_l [in, out] like W_l
//
// Without a penalty or decay W_l - B_l never changes: the feedback aligns only as far as the weights grow.
//
// Kolen, Pollack: Backpropagation without weight transport. ICNN 1994. For deep networks: Akrout, Wilson,
// Humphreys, Lillicrap, Tweed: Deep learning without weight transport. NeurIPS 2019, eqs. 16 and 17.
var KP = Register(&Rule{
	Name:         "kp",
	Title:        "Kolen-Pollack learning",
	Year:         1994,
	Feedback:     model.LayerFeedback,
	FeedbackGrad: func(s *Step) (gpu.Span, error) { return s.UpperWeightGrads(), nil },
	Products:     LayerProducts,
	Deltas:       (*Step).ChainFeedback,
})
