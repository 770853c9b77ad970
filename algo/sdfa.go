package algo

import "mdfa/model"

// SDFA is direct feedback alignment with the signs of the errors: dfa that tells the hidden layers which logits are too
// large or too small, and not by how much. sign(0) is 0.
//
//	d_l = (s sign(e) B_l) ⊙ f'(a_l)
//
// Frenkel, Lefebvre, Bol: Learning without feedback: Fixed random learning signals allow for feedforward training of
// deep neural networks. Frontiers in Neuroscience 15, 2021.
var SDFA = Register(&Rule{
	Name:       "sdfa",
	Title:      "direct feedback alignment with error signs",
	Year:       2021,
	Feedback:   model.DirectFeedback,
	ErrorSigns: true,
	Products:   DirectProducts,
	Deltas: func(s *Step) error {
		signs, err := s.ErrorSigns()
		if err != nil {
			return err
		}
		return s.Broadcast(signs)
	},
})
