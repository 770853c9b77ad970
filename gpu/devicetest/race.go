//go:build race

package devicetest

// raceDetector says that this build watches for data races.
const raceDetector = true
