package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAlignmentIsWrittenEverySoManySteps(t *testing.T) {
	data := madeUp(t)
	args := []string{"-data", data, "-model", "mdfa", "-layers", "8,9", "-batch_size", "16", "-max_epochs", "2", "-max_steps", "7"}
	plain := runTrain(t, args...)
	require.Zero(t, plain.code, plain.stderr)
	_, err := os.Stat(filepath.Join(plain.runFolder(t), "alignment.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.NotContains(t, plain.stdout, "angles")

	got := runTrain(t, append(args, "-alignment", "3")...)
	require.Zero(t, got.code, got.stderr)
	assert.Regexp(t, `(?m)^angles   \d+\.\d° \d+\.\d° 0\.0° to bp's gradients, by layer, at step 6 \(alignment\.csv\)$`, got.stdout)
	assert.Contains(t, got.stdout, "alignment 27 kB", "in the line of the memory")
	columns, rows := table(t, filepath.Join(got.runFolder(t), "alignment.csv"))
	assert.Equal(t, "step,epoch,layer,kind,angle_bp,norm_ratio_bp,sign_agreement_bp,angle_feedback,norm_ratio_feedback,at_floor,saturated", strings.Join(columns, ","))
	var keys []string
	for _, row := range rows {
		keys = append(keys, row["step"]+" "+row["layer"]+" "+row["kind"])
		first, last := row["layer"] == "0", row["layer"] == "2"
		assert.Equal(t, first, row["at_floor"] == "", "the first layer is not clamped")
		assert.Equal(t, last, row["saturated"] == "", "logits do not saturate")
		assert.Equal(t, last, row["angle_feedback"] == "", "the logits have no feedback")
		assert.Equal(t, last, row["angle_bp"] == "0")
		assert.NotEmpty(t, row["norm_ratio_bp"])
		assert.NotEmpty(t, row["sign_agreement_bp"])
	}
	assert.Equal(t, []string{
		"0 0 dense 8", "0 1 dense 9", "0 2 dense 10", "3 0 dense 8", "3 1 dense 9", "3 2 dense 10", "6 0 dense 8", "6 1 dense 9", "6 2 dense 10",
	}, keys)
	assert.Equal(t, stable(t, filepath.Join(plain.runFolder(t), "epochs.csv"), "images_per_second"),
		stable(t, filepath.Join(got.runFolder(t), "epochs.csv"), "images_per_second"), "measuring changes nothing")
}

func TestAlignmentOfTooFewStepsIsRefused(t *testing.T) {
	got := runTrain(t, "-alignment", "-1")
	assert.Equal(t, exitUsage, got.code)
	assert.Equal(t, "train: -alignment -1: expected a whole number from 0 on.\n", got.stderr)
}
