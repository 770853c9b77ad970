package cli

import (
	"mdfa/algo"
	"mdfa/run/compare"
)

// Comparison defines the flags that say how runs are compared: -baseline and -with.
func (f *Flags) Comparison(o *compare.Options) {
	f.Text(&o.Baseline, "baseline", "NAME", "", "group that the others are compared with: a rule, or SETTING=VALUE (default bp, or else the first)").Among(algo.RuleNames()...)
	List(f, &o.With, "with", "SETTING,...", "settings, such as lr, in which compared rules may differ (default none: runs that differ in them belong to separate tasks)", compare.ParseSetting).Among(compare.Flags()...)
}
