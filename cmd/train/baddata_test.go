package train

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// copied is a copy of a prepared folder that may be damaged.
func copied(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "damaged")
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

func flipByte(t *testing.T, path string, at int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	one := make([]byte, 1)
	_, err = file.ReadAt(one, at)
	require.NoError(t, err)
	one[0] ^= 1
	_, err = file.WriteAt(one, at)
	require.NoError(t, err)
}

func TestUnfitDataIsOneSentenceAndLeavesNothing(t *testing.T) {
	prepared := preparedFolder(t, imageNetTars(t))
	empty, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("no data set"), 0o644))

	noIndex, noManifest, flipped, short := copied(t, prepared), copied(t, prepared), copied(t, prepared), copied(t, prepared)
	require.NoError(t, os.Remove(filepath.Join(noIndex, "train-00000.idx")))
	require.NoError(t, os.Remove(filepath.Join(noManifest, "manifest.json")))
	const image = preparedPixels * preparedPixels * 3
	flipByte(t, filepath.Join(flipped, "train-00000.bin"), 9*image+100)
	require.NoError(t, os.Truncate(filepath.Join(short, "test-00000.bin"), image))

	archive := cifarArchive(t, "cifar-10-batches-bin", cifar10Files())
	cut := filepath.Join(t.TempDir(), "cifar-10-binary.tar.gz")
	require.NoError(t, os.WriteFile(cut, archive[:len(archive)/2], 0o644))
	whole := filepath.Join(t.TempDir(), "cifar-10-binary.tar.gz")
	require.NoError(t, os.WriteFile(whole, archive, 0o644))

	for _, c := range []struct {
		args string // spaces part them
		code int
		want string
	}{
		{"-dataset cifar10 -data nowhere", exitFailed, "-data nowhere: there is no such folder; name the one that holds cifar-10-binary.tar.gz or what is in it."},
		{"-dataset imagenet -data nowhere", exitFailed, "-data nowhere: there is no such folder; name the one that holds what imagenet-prep has prepared."},
		{"-dataset folder -data nowhere", exitFailed, "-data nowhere: there is no such folder; name the one that holds train/<class>/."},
		{"-dataset fashion-mnist -data " + file, exitFailed, "-data " + file + " is a file; name the folder that holds train-images-idx3-ubyte.gz, "},
		{"-dataset imagenet -data " + file, exitFailed, file + " is a file; name a folder for the prepared images."},
		{"-dataset folder -data " + file, exitFailed, "-data " + file + " is a file; name the folder that holds train/<class>/."},
		{"-dataset mnist -data " + empty, exitFailed, "mnist in " + empty + " is not complete: put train-images-idx3-ubyte.gz, "},
		{"-dataset cifar10 -data " + empty, exitFailed, "cifar10 is not in " + empty + ". Put cifar-10-binary.tar.gz (170,052,171 bytes, MD5 c32a1d4ab5d03f1284b67883e8d87530), from https://www.cs.toronto.edu/~kriz/, in "},
		{"-dataset cifar100 -data " + empty, exitFailed, "cifar100 is not in " + empty + ". Put cifar-100-binary.tar.gz (168,513,733 bytes, "},
		{"-dataset imagenet -data " + empty, exitFailed, "-data " + empty + ": " + empty + " holds no prepared images (there is no manifest.json). Prepare ImageNet there with imagenet-prep -out " + empty},
		{"-dataset folder -data " + empty, exitFailed, "-data " + empty + " has no folder train: put the training images into " + empty + "/train/<class>, a folder for each class."},
		{"-dataset folder", exitUsage, "-dataset folder needs -data DIR, a folder with train/<class>/ and, if there are such images, test/<class>/ and val/<class>/."},

		{"-dataset imagenet -data " + noIndex, exitFailed, "train-00000.idx is missing from " + noIndex + ": copy it there again, or prepare the images again."},
		{"-dataset imagenet -data " + noManifest, exitFailed, "-data " + noManifest + ": " + noManifest + " is not complete: its preparation was broken off; start it again to finish it."},
		{"-dataset imagenet -data " + flipped, exitFailed, flipped + "/train-00000.bin is damaged: image 9 (" + synset(1) + "/" + synset(1) + "_1.JPEG) is not as it was written (its CRC32C differs): copy the file again, or prepare the images again."},
		{"-dataset imagenet -data " + short, exitFailed, short + "/test-00000.bin has 3072 bytes; 135168 were expected: copy it again, or prepare the images again."},
		{"-dataset imagenet -size 64 -data " + prepared, exitUsage, "-size 64: " + prepared + " was prepared at 32x32; prepare another folder with imagenet-prep -size 64, or leave the flag out."},
		{"-dataset imagenet -classes 23 -data " + prepared, exitUsage, "-classes 23: imagenet has only 22 classes; give 2 to 22 (leave the flag out to use all)."},

		{"-dataset cifar10 -data " + cut, exitFailed, ""}, // which file is cut off depends on the order of the members
		{"-dataset cifar100 -data " + whole, exitFailed, whole + " does not hold train.bin: get cifar-100-binary.tar.gz from https://www.cs.toronto.edu/~kriz/."},

		{"-dataset mnist -coarse", exitUsage, "-coarse: mnist has no coarse labels; only cifar100 has (leave the flag out)."},
		{"-dataset cifar10 -coarse", exitUsage, "-coarse: cifar10 has no coarse labels; only cifar100 has (leave the flag out)."},
		{"-dataset cifar100 -coarse -classes 21", exitUsage, "-classes 21: cifar100 has only 20 classes; give 2 to 20 (leave the flag out to use all)."},
		{"-dataset mnist -size 28", exitUsage, "-size 28: the images of mnist have one size, 28x28 (leave the flag out)."},
		{"-dataset cifar10 -size 64", exitUsage, "-size 64: the images of cifar10 have one size, 32x32 (leave the flag out)."},
		{"-dataset folder -size 5000 -data " + empty, exitUsage, "-size 5000: expected 1 to 4096 pixels (leave the flag out for 64)."},
		{"-cache maybe", exitUsage, "-cache maybe: expected auto, on or off."},
		{"-cache=", exitUsage, `-cache "": expected auto, on or off.`},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			got := runTrain(t, strings.Fields(c.args)...)
			assert.Equal(t, c.code, got.code)
			assertSentence(t, got, c.want)
			if c.want == "" {
				assert.Regexp(t, `^train: (\S+ in )?\S+/cifar-10-binary\.tar\.gz is cut off: .*; copy or download the file again\.\n$`, got.stderr)
			}
		})
	}
}

// Nothing listens on the discard port of this machine, so that no network is asked.
func TestWithoutNetworkTheSentenceSaysHowToGetTheFiles(t *testing.T) {
	const proxy = "http://127.0.0.1:9"
	cache, root := t.TempDir(), t.TempDir()
	for name, file := range map[string]string{
		"cifar10":       "cifar-10-binary.tar.gz (170,052,171 bytes, MD5 c32a1d4ab5d03f1284b67883e8d87530), from https://www.cs.toronto.edu/~kriz/, in ",
		"cifar100":      "cifar-100-binary.tar.gz (168,513,733 bytes, MD5 03b5dce01913d631647c71ecec9e9cb8), from https://www.cs.toronto.edu/~kriz/, in ",
		"fashion-mnist": "train-images-idx3-ubyte.gz (26,421,880 bytes, MD5 8d4fb7e6c68d591d4c3dfef9ec88bf0d), ",
	} {
		cmd := command(t, "-dataset", name)
		for _, variable := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
			cmd.Env = append(cmd.Env, variable+"="+proxy)
		}
		cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+cache, "MDFA_DATA="+root)
		got := finish(t, cmd)
		assert.Equal(t, exitFailed, got.code)
		assertSentence(t, got, name+" is not in "+filepath.Join(root, name)+" or "+filepath.Join(cache, "mdfa", name)+
			", and fetching it failed (the proxy cannot be reached: connection refused). Put "+file)
	}
}

func TestPreparedTarsHoldEveryPhotograph(t *testing.T) {
	prepared := preparedFolder(t, imageNetTars(t))
	text, err := exec.CommandContext(t.Context(), os.Getenv(prepEnv), "-stats", "-verify", "-out", prepared).CombinedOutput()
	require.NoError(t, err, "%s", text)
	assert.Contains(t, string(text), "every checksum of "+prepared+" is right\n")
	assert.Regexp(t, `train    176 images in 1 shards?, 8 to 8 a class\n`, string(text))
	assert.Regexp(t, `test     44 images in 1 shards?, 2 to 2 a class\n`, string(text))
}
