package algo

import "mdfa/model"

// FA is feedback alignment: the error goes back through fixed random matrices in place of the transposed
// weights.
//
//	d_{l-1} = (d_l B_l) ⊙ f'(a_{l-1}), from d_L = e down to d_0
//
// Lillicrap, Cownden, Tweed, Akerman: Random feedback weights support learning in deep neural networks.
// arXiv:1411.0247, 2014.
var FA = Register(&Rule{
	Name:     "fa",
	Title:    "feedback alignment",
	Year:     2014,
	Feedback: model.LayerFeedback,
	Products: LayerProducts,
	Deltas:   (*Step).ChainFeedback,
})
