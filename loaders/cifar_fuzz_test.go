package loaders

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireTold checks that an error is one of the kinds that Load promises.
func requireTold(t *testing.T, err error) {
	t.Helper()
	for _, kind := range []error{ErrTruncated, ErrCorrupt, ErrFormat} {
		if errors.Is(err, kind) {
			return
		}
	}
	require.NoError(t, err)
}

func FuzzCIFARRecords(f *testing.F) {
	f.Add([]byte{}, false, 0)
	f.Add(records(cifar10, 0, 2), false, 0)
	f.Add(records(cifar100, 0, 2), true, 1)
	f.Add(records(cifar100, 0, 2)[:4000], true, 0)
	f.Fuzz(func(t *testing.T, file []byte, hundred bool, use int) {
		set := cifar10
		if hundred {
			set = cifar100
		}
		use = (use%len(set.labels) + len(set.labels)) % len(set.labels)
		split, err := set.readRecords(context.Background(), bytes.NewReader(file), "file", int64(len(file)), use)
		if err != nil {
			requireTold(t, err)
			require.Empty(t, split.labels)
			return
		}
		require.Equal(t, len(file), len(split.labels)*set.record())
		require.Len(t, split.images, len(split.labels)*cifarImage)
		for _, label := range split.labels {
			require.Less(t, int(label), set.labels[use].classes)
		}
		if row := len(split.labels) - 1; row >= 0 { // the last pixel of the last row
			last := file[len(file)-cifarImage:]
			require.Equal(t, []uint8{last[1023], last[2047], last[3071]}, split.images[len(split.images)-3:])
		}
	})
}

func FuzzCIFARArchive(f *testing.F) {
	files := cifarFiles(cifar10)
	for _, name := range cifar10.files() {
		files[name] = files[name][:3073]
	}
	f.Add([]byte{})
	f.Add(packed(files, cifar10.folder))
	f.Add(zipped(packed(files, "")))
	f.Add(announcing(1 << 50))
	f.Fuzz(func(t *testing.T, archive []byte) {
		held, err := cifar10.readTar(context.Background(), bytes.NewReader(archive), "archive", int64(len(archive)), 0)
		if err != nil {
			requireTold(t, err)
			return
		}
		require.NotEmpty(t, held.train.labels)
		require.NotEmpty(t, held.test.labels)
		require.Len(t, held.train.images, len(held.train.labels)*cifarImage)
	})
}

func FuzzClassNames(f *testing.F) {
	f.Add([]byte("airplane\nautomobile\n\n"), 2)
	f.Add([]byte("a\r\nb"), 2)
	f.Add([]byte{0xff, '\n'}, 1)
	f.Fuzz(func(t *testing.T, text []byte, classes int) {
		names, err := readClassNames(text, "file", classes)
		if err != nil {
			requireTold(t, err)
			return
		}
		require.Len(t, names, classes)
	})
}
