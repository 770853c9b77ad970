package algo

// Shallow trains the logit layer alone: the hidden layers stay the random features that they were at the start. It is a
// control, which shows what a learning rule gains by training them.
//
//	W_L, b_L by the gradient of the loss; no d_l, and W_l and b_l keep their initial values, for l < L
//
// Frenkel, Lefebvre, Bol: Learning without feedback: Fixed random learning signals allow for feedforward training of
// deep neural networks. Frontiers in Neuroscience 15, 2021, which compares with it as "shallow" learning.
var Shallow = Register(&Rule{
	Name:       "shallow",
	Title:      "training of the logit layer alone",
	Year:       2021,
	LogitsOnly: true,
	Products:   NoProducts,
	Deltas:     func(*Step) error { return nil },
})
