package loaders

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/shards"
)

const imageNet = "imagenet"

// ImageNetFolder returns the first folder in which Load looks for a prepared ImageNet, and the default
// output of imagenet-prep: $MDFA_DATA/imagenet, or else
// mdfa/imagenet under the user's cache folder.
func ImageNetFolder() (string, error) {
	dirs := places(imageNet)
	if len(dirs) == 0 {
		return "", fmt.Errorf("neither %s nor a home folder is set", dataEnv)
	}
	return dirs[0], nil
}

// readImageNet opens a folder of imagenet-prep. ImageNet's validation
// images are the test set; the validation split is cut from the training images.
func readImageNet(ctx context.Context, opt Options) (contents, error) {
	dir := opt.Dir
	if dir == "" {
		if dir = preparedPlace(); dir == "" {
			return contents{}, fault.New(ErrNotFound, nil,
				"%s. Download ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar from https://image-net.org/ (an account is needed) and prepare them with imagenet-prep, or name a prepared folder with -data.",
				notIn(imageNet))
		}
	}
	if opt.Dir != "" {
		if _, err := statNamed(dir, "what imagenet-prep has prepared"); err != nil {
			return contents{}, err
		}
	}
	m, err := shards.ReadManifest(dir)
	switch {
	case errors.Is(err, shards.ErrAbsent) && opt.Dir != "":
		return contents{}, fault.New(ErrNotFound, err,
			"-data %s: %v Prepare ImageNet there with imagenet-prep -out %s, or name the folder that it made.", dir, err, foreign.Command(dir))
	case err != nil:
		return contents{}, err
	case opt.Size != 0 && opt.Size != m.Size:
		return contents{}, fault.New(ErrOption, nil,
			"-size %d: %s was prepared at %dx%d; prepare another folder with imagenet-prep -size %d, or leave the flag out.",
			opt.Size, dir, m.Size, m.Size, opt.Size)
	}
	return readPrepared(ctx, dir, inMemory)
}

// preparedPlace returns the first default folder that is not empty, or "".
func preparedPlace() string {
	for _, dir := range places(imageNet) {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return dir
		}
	}
	return ""
}
