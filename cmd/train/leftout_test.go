package train

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

func TestSaysWhichPhotographsAreLeftOut(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	photoFolders(t, dir, 2, true)
	webp := []byte("RIFF\x00\x00\x00\x00WEBPVP8 ")
	writeFiles(t, dir, map[string][]byte{
		"train/kind 01/forged\nname.webp": webp, "test/kind 01/9.jpg": photo(t, 1, 9)[:300],
		"train/__MACOSX/kind 00/._1.jpg": {0}, "train/notes/todo.txt": []byte("x"),
	})
	run := func(more ...string) finished {
		args := append([]string{"-dataset", "folder", "-data", dir, "-size", "8", "-layers", "8", "-batch_size", "4", "-max_epochs", "1", "-device", "cpu"}, more...)
		cmd := command(t, args...)
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache)
		return finish(t, cmd)
	}
	got := run()
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\nleft out 2 of 21 files, such as \"train/kind 01/forged\\nname.webp\" (it is a WebP file; JPEG and PNG are read)\n")
	assert.Contains(t, got.stdout, "\nnote     no class, and passed over in "+filepath.Join(dir, "train")+": __MACOSX, notes\n")

	want := &checkpoint.LeftOut{Files: 2, Of: 21, Examples: []checkpoint.LeftOutFile{
		{File: "train/kind 01/forged\nname.webp", Reason: "it is a WebP file; JPEG and PNG are read"},
		{File: "test/kind 01/9.jpg", Reason: "a JPEG file that is cut off"},
	}}
	kept, err := folder.ReadRun(got.runFolder(t))
	require.NoError(t, err)
	assert.Equal(t, want, kept.Data.LeftOut)
	assert.Contains(t, got.stdout, "\nleft out "+want.String()+"\n")

	_, all := events(t, run("-log", "json").stdout)
	text, err := json.Marshal(all[0]["settings"].(map[string]any)["data"].(map[string]any)["left_out"])
	require.NoError(t, err)
	told := new(checkpoint.LeftOut)
	require.NoError(t, json.Unmarshal(text, told))
	assert.Equal(t, want, told)

	for i := range trainOfSynset {
		writeFiles(t, dir, map[string][]byte{filepath.Join("train/kind 01", string(rune('0'+i))+".jpg"): webp})
	}
	got = run()
	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "train: "+filepath.Join(dir, "train")+` holds no images of the class "kind 01" that can be read: all 9 files were left out (10 of 21 in all), `+
		"such as kind 01/0.jpg (it is a WebP file; JPEG and PNG are read); mend them, or convert them to JPEG or PNG.\n", got.stderr)
}
