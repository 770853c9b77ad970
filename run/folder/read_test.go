package folder

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTablesAreReadByColumn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "epochs.csv")
	rows, err := ReadTable(name)
	require.NoError(t, err)
	assert.Nil(t, rows, "there is no file")

	for text, want := range map[string]string{
		"":                             "is empty: expected a CSV",
		"epoch,loss\n1\n":              "is damaged (record on line 2: wrong number of fields): expected a CSV",
		"epoch,loss\n1,0.5\n\"2,0.4\n": "is damaged",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		_, err = ReadTable(name)
		assert.ErrorContains(t, err, name)
		assert.ErrorContains(t, err, want, "%q", text)
	}

	require.NoError(t, os.WriteFile(name, []byte("epoch,loss\n1,0.5\n2,\"0,4\"\n"), 0o600))
	rows, err = ReadTable(name)
	require.NoError(t, err)
	assert.Equal(t, []Row{{"epoch": "1", "loss": "0.5"}, {"epoch": "2", "loss": "0,4"}}, rows)
}
