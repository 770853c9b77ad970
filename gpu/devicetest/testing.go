package devicetest

import "testing"

// testingT is what the suite needs of *testing.T. It is an interface so that the
// suite's own test can run it against broken devices and see that it fails.
type testingT interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Failed() bool
	Cleanup(func())
	Run(name string, f func(testingT)) bool
}

// realT is a *testing.T as a testingT.
type realT struct{ *testing.T }

// Run runs f as a subtest.
func (t realT) Run(name string, f func(testingT)) bool {
	t.Helper()
	return t.T.Run(name, func(t *testing.T) { f(realT{t}) })
}
