package loaders

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readGolden decodes one file of the golden vectors, from the folder in
// MDFA_GOLDEN when it is set.
func readGolden(t *testing.T, name string, into any) {
	t.Helper()
	dir := os.Getenv("MDFA_GOLDEN")
	if dir == "" {
		dir = filepath.Join("..", "testdata", "golden")
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

func TestPermutationIsNumpys(t *testing.T) {
	var golden struct {
		Cases []struct {
			Seed        uint32
			N           int
			Permutation []int // the first twenty of them
		}
	}
	readGolden(t, "numpy_permutation.json", &golden)
	require.NotEmpty(t, golden.Cases)
	for _, c := range golden.Cases {
		t.Run(fmt.Sprintf("seed %d of %d", c.Seed, c.N), func(t *testing.T) {
			require.NotEmpty(t, c.Permutation)
			got := newRandomState(c.Seed).permutation(c.N)
			require.Len(t, got, c.N)
			assert.Equal(t, c.Permutation, got[:len(c.Permutation)])
		})
	}
}

// The golden files hold small seeds only. These come from numpy 2 itself:
// RandomState(seed).permutation(8).
func TestPermutationIsNumpysForLargeSeeds(t *testing.T) {
	for seed, want := range map[uint32][]int{
		65536:      {6, 7, 5, 1, 2, 4, 3, 0},
		2147483647: {3, 6, 0, 1, 4, 5, 2, 7},
		2147483648: {7, 0, 6, 5, 3, 1, 4, 2},
		4294967295: {1, 7, 6, 0, 5, 4, 2, 3},
	} {
		assert.Equal(t, want, newRandomState(seed).permutation(8), "seed %d", seed)
	}
}

func TestPermutationHoldsEveryNumberOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 31, 32, 33, 1023, 1024, 1025} {
		p := newRandomState(7).permutation(n)
		require.Len(t, p, n)
		seen := make([]bool, n)
		for _, v := range p {
			require.False(t, seen[v], "%d twice among %d", v, n)
			seen[v] = true
		}
	}
}

// splitCase is one case of mnist_split.json; its checksum is
// sum(row[j]*(j+1)) mod 2^31-1.
type splitCase struct {
	Seed       uint32
	Classes    int
	ClassOrder []int   `json:"class_order"`
	NTrain     int     `json:"n_train"`
	NValid     int     `json:"n_valid"`
	NTest      int     `json:"n_test"`
	TrainRows  []int   `json:"train_idx_first20"`
	TrainY     []int32 `json:"train_y_first20"`
	ValidRows  []int   `json:"valid_idx_first20"`
	ValidY     []int32 `json:"valid_y_first20"`
	TestRows   []int   `json:"test_idx_first20"`
	TestY      []int32 `json:"test_y_first20"`
	Checksum   int64   `json:"train_idx_checksum"`
}

func TestSplitIsThePapersOnRealMNIST(t *testing.T) {
	var golden struct{ Cases []splitCase }
	readGolden(t, "mnist_split.json", &golden)
	require.NotEmpty(t, golden.Cases)
	def := registry["mnist"]
	held, err := def.read(t.Context(), Options{Dir: realMNIST(t)})
	require.NoError(t, err)
	train, test := held.train, held.test
	for _, c := range golden.Cases {
		t.Run(fmt.Sprintf("seed %d, %d classes", c.Seed, c.Classes), func(t *testing.T) {
			order, err := def.draw(c.Classes, Options{Seed: int64(c.Seed)})
			require.NoError(t, err)
			d, err := arrange(def, contents{train: train, test: test}, order, c.Seed)
			require.NoError(t, err)
			assert.Equal(t, c.Classes, d.Classes)
			assert.Equal(t, c.ClassOrder, d.ClassOrder)
			checkSplit(t, d, &d.Train, train, c.NTrain, c.TrainRows, c.TrainY)
			checkSplit(t, d, &d.Valid, train, c.NValid, c.ValidRows, c.ValidY)
			checkSplit(t, d, &d.Test, test, c.NTest, c.TestRows, c.TestY)
			var checksum int64
			for j, row := range d.Train.Rows {
				checksum = (checksum + int64(row)*int64(j+1)) % (1<<31 - 1)
			}
			assert.Equal(t, c.Checksum, checksum)
			assertDisjoint(t, d)
		})
	}
}

// checkSplit compares a split with the golden rows and labels, and all of its
// images and labels with the file it was taken from.
func checkSplit(t *testing.T, d *Dataset, s *Split, file rawSplit, n int, rows []int, labels []int32) {
	t.Helper()
	require.NotEmpty(t, rows)
	require.Equal(t, n, s.Len())
	require.Len(t, s.Rows, n)
	size := d.Height * d.Width * d.Channels
	require.Len(t, s.Images, n*size)
	assert.Equal(t, rows, s.Rows[:len(rows)])
	assert.Equal(t, labels, s.Labels[:len(labels)])
	for i, row := range s.Rows {
		if int(file.labels[row]) != d.ClassOrder[s.Labels[i]] {
			require.Failf(t, "wrong label", "image %d, row %d", i, row)
		}
		if string(file.images[row*size:(row+1)*size]) != string(s.Images[i*size:(i+1)*size]) {
			require.Failf(t, "wrong image", "image %d, row %d", i, row)
		}
	}
}

// assertDisjoint checks that no training row is used twice.
func assertDisjoint(t *testing.T, d *Dataset) {
	t.Helper()
	used := map[int]bool{}
	for _, s := range []*Split{&d.Train, &d.Valid} {
		for _, row := range s.Rows {
			used[row] = true
		}
	}
	assert.Len(t, used, d.Train.Len()+d.Valid.Len())
}
