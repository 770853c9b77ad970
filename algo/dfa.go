package algo

import "mdfa/model"

// DFA is direct feedback alignment: the error goes from the logits to every hidden layer at once, through a
// fixed random matrix for each.
//
//	d_l = (e B_l) ⊙ f'(a_l)
//
// Nøkland: Direct feedback alignment provides learning in deep neural networks. NeurIPS 2016.
var DFA = Register(&Rule{
	Name:     "dfa",
	Title:    "direct feedback alignment",
	Year:     2016,
	Feedback: model.DirectFeedback,
	Products: DirectProducts,
	Deltas:   func(s *Step) error { return s.Broadcast(s.Error()) },
})
