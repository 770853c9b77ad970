package prepare

import (
	"context"
	"os"
)

// Open looks at the photographs of a folder or of a tar archive. Without a truth, a folder has a folder for
// each class, and an archive has an archive for each class.
//
// With exact, a folder's fingerprint covers the sizes and times of the files, so that it shows a file
// that was changed in place. Otherwise it covers names and the times of
// the folders, which takes less time for a million files.
func Open(ctx context.Context, path string, truth *Truth, exact bool) (*Part, error) {
	info, err := os.Stat(path)
	isFile := err == nil && !info.IsDir()
	switch {
	case isFile && truth == nil:
		return openClassTars(ctx, path)
	case isFile:
		return openFlatTar(path, truth)
	case truth == nil:
		return openFolder(ctx, path, exact)
	}
	return openFlatFolder(path, truth)
}
