package algo

import "mdfa/model"

// DKP is direct Kolen-Pollack learning: direct feedback alignment whose matrices learn. The gradient of B_l is that of a
// linear layer which takes the output of hidden layer l straight to the logits.
//
//	d_l = (e B_l) ⊙ f'(a_l)     gB_l = eᵀ h_l, with h_l after the activation
//
// Feedback may begin at zero: all hidden layers learn from the second step on.
//
// Webster and others, 2020. Their code defines the rule: github.com/webstah/dkp-gist, commit 15eeb15.
var DKP = Register(&Rule{
	Name:         "dkp",
	Title:        "direct Kolen-Pollack learning",
	Year:         2020,
	Feedback:     model.DirectFeedback,
	FeedbackGrad: (*Step).OuterProducts,
	Products:     DirectProducts,
	Deltas:       func(s *Step) error { return s.Broadcast(s.Error()) },
})
