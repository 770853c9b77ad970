package algo

import "mdfa/model"

// DRTP is direct random target projection: DFA with the label in place of the error. Each class has a fixed random
// row of feedback, so that a hidden layer needs neither the layers behind it nor the loss.
//
//	d_l = s (onehot(y) B_l) ⊙ f'(a_l): example i takes row y_i of B_l [classes, units_l]
//
// The rows are used as errors, without a minus sign, as in the authors' code. Like the error at the logits they
// are scaled by s, which is 1/n or 1; the authors divide by n at the logits alone. One logit stands for two classes,
// and B_l has two rows.
//
// Frenkel, Lefebvre, Bol: Learning without feedback: Fixed random learning signals allow for feedforward training of
// deep neural networks. Frontiers in Neuroscience 15, 2021.
var DRTP = Register(&Rule{
	Name:     "drtp",
	Title:    "direct random target projection",
	Year:     2021,
	Feedback: model.ClassFeedback,
	Products: NoProducts,
	Deltas:   (*Step).Project,
})
