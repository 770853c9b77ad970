package algo

import "mdfa/model"

// MDFA is monotone direct feedback alignment: DFA in a network whose weights behind the first layer are
// kept at the floor or above, with non-negative feedback.
//
//	d_l = (e B_l) ⊙ f'(a_l), B_l >= 0     W_l = max(W_l, floor) after the update, l >= 1
//
// Lechner: Learning representations for binary-classification without backpropagation. ICLR 2020.
var MDFA = Register(&Rule{
	Name:        "mdfa",
	Title:       "monotone direct feedback alignment",
	Year:        2020,
	Feedback:    model.DirectFeedback,
	NonNegative: true,
	Clamped:     true,
	Products:    DirectProducts,
	Deltas:      func(s *Step) error { return s.Broadcast(s.Error()) },
})
