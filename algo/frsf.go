package algo

import "mdfa/model"

// FRSF is feedback with the signs of the weights and random magnitudes that stay as they are drawn: the absolute values
// of fa's B_l. sign(0) is 0: a weight of 0 carries no error back.
//
//	d_{l-1} = (d_l B_l) ⊙ f'(a_{l-1}), B_l = M_l ∘ sign(W_l)ᵀ, from d_L = e down to d_0
//
// Liao, Leibo, Poggio: How important is weight symmetry in backpropagation? AAAI 2016.
var FRSF = Register(&Rule{
	Name:       "frsf",
	Title:      "fixed random-magnitude sign-concordant feedback",
	Year:       2016,
	Feedback:   model.LayerFeedback,
	Magnitudes: StoredMagnitudes,
	Products:   LayerProducts,
	Deltas:     (*Step).ChainSigns,
})
