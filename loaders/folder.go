package loaders

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards/prepare"
)

// Folder is the name of the data set of photographs in a folder of the user's own.
const Folder = "folder"

const (
	// folderSize is the default of Options.Size: enough for small pictures, and a
	// size at which a fully-connected network has a sensible number of weights.
	folderSize = 64
)

// Usual names of the folders of a data set.
var (
	trainFolders = []string{"train", "training"}
	testFolders  = []string{"test", "testing"}
	validFolders = []string{"val", "valid", "validation"}
)

// readFolder reads the user's photographs: Options.Dir has a folder train, and
// may have folders test and val, each with a folder for each class. They are prepared once, into
// a folder of the user's cache. If a photograph is added or changed, they are prepared again, into another folder.
func readFolder(ctx context.Context, opt Options) (contents, error) {
	if err := checkFolderOptions(opt); err != nil {
		return contents{}, err
	}
	source, notes, err := openPhotos(ctx, opt.Dir)
	if err != nil {
		return contents{}, err
	}
	size := opt.Size
	if size == 0 {
		size = folderSize
	}
	cache, err := preparedCache(source, size)
	if err != nil {
		return contents{}, err
	}
	if err := prepareCache(ctx, cache, source, size, opt); err != nil {
		return contents{}, err
	}
	held, err := readPrepared(ctx, cache, inMemory)
	if err != nil && ctx.Err() == nil {
		err = fault.New(nil, err,
			"%v %s only holds copies of %s: remove it, and it is made anew.", err, homely(cache), homely(opt.Dir))
	}
	if err != nil {
		return contents{}, err
	}
	held.source = sourceOf(opt.Dir) + held.source[len(sourceOf(cache)):]
	held.notes = notes
	return held, nil
}

func checkFolderOptions(opt Options) error {
	switch {
	case opt.Dir == "":
		return fault.New(ErrOption, nil, "-dataset folder needs -data DIR, a folder with train/<class>/ and, if there are such images, test/<class>/ and val/<class>/.")
	case opt.Size < 0 || opt.Size > imageprep.MaxSize:
		return fault.New(ErrOption, nil, "-size %d: expected 1 to %d pixels (leave the flag out for %d).", opt.Size, imageprep.MaxSize, folderSize)
	}
	return nil
}

// openPhotos lists the photographs below dir. Its notes explain the use of the folders, if that is not
// obvious.
func openPhotos(ctx context.Context, dir string) (source *prepare.Source, notes []string, err error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fault.New(ErrNotFound, err,
			"-data %s: there is no such folder; name the one that holds train/<class>/.", dir)
	case err != nil:
		return nil, nil, openFault(dir, err)
	case !info.IsDir():
		return nil, nil, fault.New(ErrNotFound, nil,
			"-data %s is a file; name the folder that holds train/<class>/.", dir)
	}
	train, test, valid := subfolder(dir, trainFolders), subfolder(dir, testFolders), subfolder(dir, validFolders)
	switch {
	case train == "":
		return nil, nil, fault.New(ErrNotFound, nil,
			"-data %s has no folder train: put the training images into %s, a folder for each class.", dir, filepath.Join(dir, "train", "<class>"))
	case test == "" && valid != "":
		test, valid = valid, ""
		notes = append(notes, fmt.Sprintf("the images of %s%c are the test set, since there is no folder test; validation images are cut from the training images",
			test, filepath.Separator))
	case valid != "":
		notes = append(notes, fmt.Sprintf("the validation images are those of %s%c; none are cut from the training images", valid, filepath.Separator))
	}
	source, err = openParts(ctx, dir, train, test, valid)
	if err != nil {
		return nil, nil, err
	}
	if other := otherFolders(dir, []string{train, test, valid}); len(other) > 0 {
		notes = append(notes, fmt.Sprintf("passed over in %s: %s", homely(dir), foreign.List(other)))
	}
	return source, append(notes, source.Notes()...), nil
}

// openParts opens the folders of a data set; test and valid may be "".
func openParts(ctx context.Context, dir, train, test, valid string) (*prepare.Source, error) {
	var parts [3]*prepare.Part
	for i, name := range []string{train, test, valid} {
		if name == "" {
			continue
		}
		var err error
		if parts[i], err = prepare.Open(ctx, filepath.Join(dir, name), nil, true); err != nil {
			return nil, err
		}
	}
	source, err := prepare.NewSource(parts[0], parts[1])
	if err == nil && valid != "" {
		err = source.AddValid(parts[2])
	}
	return source, err
}

// subfolder returns the first of the names that is a folder in dir, or "".
func subfolder(dir string, names []string) string {
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			return name
		}
	}
	return ""
}

// otherFolders lists the unused folders in dir, without hidden ones.
func otherFolders(dir string, used []string) []string {
	var others []string
	entries, _ := os.ReadDir(dir) // an error has shown before, with the used folders
	for _, entry := range entries {
		name := entry.Name()
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.IsDir() && name[0] != '.' && !slices.Contains(used, name) {
			others = append(others, name)
		}
	}
	return others
}

// preparedCache returns the folder for the prepared images. It depends on the paths, names,
// sizes and times of the files and on the size of the images.
func preparedCache(source *prepare.Source, size int) (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		return "", fault.New(nil, err,
			"prepared images have no place (%v): set HOME or XDG_CACHE_HOME.", err)
	}
	from := source.Describe()
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %s %d", from.Paths, from.Fingerprint, size))
	const digits = 16 // of the sum; enough to tell folders apart
	return filepath.Join(root, "mdfa", Folder, fmt.Sprintf("%s-%d", hex.EncodeToString(sum[:])[:digits], size)), nil
}

// prepareCache makes the cache folder complete.
func prepareCache(ctx context.Context, cache string, source *prepare.Source, size int, opt Options) error {
	step := Progress{Name: fmt.Sprintf("preparing images of %dx%d", size, size), Unit: "files"}
	report := func(Progress) {}
	if opt.Progress != nil {
		report = opt.Progress
	}
	_, fresh, err := prepare.Run(ctx, cache, source, prepare.Options{
		Size: size,
		Progress: func(p prepare.Progress) {
			if step.Total == 0 { // the first report, for the rate
				step.Done, step.Total, step.Kept = p.Kept, p.Total, p.Kept
				report(step)
			}
			step.Done = p.Done
			report(step)
		},
		Waiting: func() { report(Progress{Name: step.Name, Unit: step.Unit, Waiting: true}) },
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("preparing images: %w", ctx.Err())
	case err != nil:
		return err
	case fresh:
		step.Finished = true
		report(step)
	}
	return nil
}
