package fetch

import (
	"crypto/md5"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Linux has a device on which every write finds the disk full.
func TestAFullDiskIsSaidAndNotTriedAgain(t *testing.T) {
	o := newOrigin(t, published(1000))
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	require.NoError(t, err)
	part := &partial{path: t.TempDir() + "/part", file: full, sum: md5.New()}
	defer part.close()
	kept := int64(0)
	err = quick().transfer(t.Context(), part, o.file(), &kept)
	require.ErrorIs(t, err, ErrStorage)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.EqualError(t, err, "the disk is full; what has arrived is kept, and the next try goes on from there")
	var again *transient
	assert.NotErrorAs(t, err, &again, "another try would find it full as well")
}
