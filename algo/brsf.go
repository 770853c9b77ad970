package algo

import "mdfa/model"

// BRSF is feedback with the signs of the weights and random magnitudes that every training step draws anew: the absolute
// values of what fa's B_l is drawn from. sign(0) is 0: a weight of 0 carries no error back.
//
//	d_{l-1} = (d_l B_l) ⊙ f'(a_{l-1}), B_l = M_l ∘ sign(W_l)ᵀ, from d_L = e down to d_0
//
// Liao, Leibo, Poggio: How important is weight symmetry in backpropagation? AAAI 2016.
var BRSF = Register(&Rule{
	Name:       "brsf",
	Title:      "batchwise random-magnitude sign-concordant feedback",
	Year:       2016,
	Feedback:   model.LayerFeedback,
	Magnitudes: FreshMagnitudes,
	Products:   LayerProducts,
	Deltas:     (*Step).ChainSigns,
})
