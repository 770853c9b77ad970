package loaders

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/fetch"
)

// An entry of the table that lacks something would show only when someone loads it.
func TestEveryDataSetIsComplete(t *testing.T) {
	published := func(address string, files ...fetch.File) {
		assert.True(t, strings.HasSuffix(address, "/"), address)
		for _, file := range files {
			assert.Positive(t, file.Size, file.Name)
			sum, err := hex.DecodeString(file.MD5)
			assert.NoError(t, err, file.Name)
			assert.Len(t, sum, 16, file.Name)
			assert.Empty(t, file.URL, file.Name)
		}
	}
	for _, set := range idxSets {
		published(set.address, set.files...)
		var names []string
		for _, file := range set.files {
			names = append(names, file.Name)
		}
		assert.Equal(t, gzNames(idxNames), names, set.name)
		if set.classNames != nil {
			assert.Len(t, set.classNames, mnistClasses, set.name)
		}
		assert.Contains(t, Names(), set.name)
	}
	for _, set := range cifarSets {
		require.NotNil(t, set.python, set.name)
		assert.Nil(t, set.python.python, set.name)
		assert.Contains(t, Names(), set.name)
		for _, version := range []cifarSet{set, *set.python} {
			assert.Equal(t, set.name, version.name)
			assert.Len(t, version.train, len(set.train), set.name)
			assert.NotContains(t, version.train, version.test, set.name)
			assert.NotEmpty(t, version.folder, set.name)
			published(version.address, version.archive)
			require.Len(t, version.labels, len(set.labels), set.name)
			for i, label := range version.labels {
				assert.Equal(t, set.labels[i].classes, label.classes, set.name)
				assert.NotEmpty(t, label.names, set.name)
				assert.Equal(t, version.pickled, label.keys != (cifarKeys{}), set.name)
			}
		}
	}
	assert.Len(t, registry, len(idxSets)+len(cifarSets)+2, "names are used once")
}
