//go:build cuda && race

package cuda_test

const raceDetector = true
