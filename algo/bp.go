package algo

// BP is backpropagation: the error goes back through the transposed weights.
//
//	d_{l-1} = (d_l W_lᵀ) ⊙ f'(a_{l-1}), from d_L = e down to d_0
//
// Rumelhart, Hinton, Williams: Learning representations by back-propagating errors. Nature 323, 1986.
var BP = Register(&Rule{
	Name:     "bp",
	Title:    "backpropagation",
	Year:     1986,
	Exact:    true,
	Products: LayerProducts,
	Deltas:   func(s *Step) error { return s.Chain(s.Weights, true) },
})
