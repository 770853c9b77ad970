package imagenetprep

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/shards"
)

// report prints a summary of a preparation.
func report(m *shards.Manifest, dir string, fresh bool, out *output) {
	verb := "prepared"
	if !fresh {
		verb = "nothing to do: there are already"
	}
	out.linef("%s %s training and %s test images of %dx%d in %s classes, %s: %s",
		verb, figures.Count(m.Train.Images), figures.Count(m.Test.Images), m.Size, m.Size, figures.Count(len(m.Classes)), size(m), dir)
	if n, all := m.LeftOut(); n > 0 {
		first := slices.Concat(m.Train.Skipped, m.Test.Skipped)[0]
		out.linef("left out %s of %s files, which cannot be read, such as %s (%s); %s lists them",
			figures.Count(n), figures.Count(all), foreign.Text(first.File), foreign.Text(first.Reason), filepath.Join(dir, shards.ManifestFile))
	}
	if m.Test.Images == 0 {
		out.linef("there are no test images: training will hold every fifth training image back for the test")
	}
}

// stats prints the content of a prepared folder.
func stats(dir string, out *output) error {
	m, err := shards.ReadManifest(dir)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	row("folder", "%s", dir)
	row("from", "%s", foreign.Line(strings.Join(m.Source.Paths, " and ")))
	row("images", "%dx%d RGB, %s each, %s in all", m.Size, m.Size, humanize.Bytes(uint64(m.RecordBytes())), size(m))
	row("classes", "%s", figures.Count(len(m.Classes)))
	for _, name := range shards.Splits {
		s := m.Split(name)
		if name == shards.Valid && s.Images+len(s.Skipped) == 0 {
			continue
		}
		text := fmt.Sprintf("%s %s in %s %s", figures.Count(s.Images), english.PluralWord(s.Images, "image", ""),
			figures.Count(len(s.Shards)), english.PluralWord(len(s.Shards), "shard", ""))
		if s.Images > 0 {
			text += fmt.Sprintf(", %s to %s a class", figures.Count(slices.Min(s.PerClass)), figures.Count(slices.Max(s.PerClass)))
		}
		if len(s.Skipped) > 0 {
			text += fmt.Sprintf(", %s left out", figures.Count(len(s.Skipped)))
		}
		row(name, "%s", text)
	}
	fmt.Fprintln(table, "\nlabel\tclass\ttrain\ttest\tname")
	for label, class := range m.Classes {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", label, foreign.Text(class.ID), figures.Count(m.Train.PerClass[label]), figures.Count(m.Test.PerClass[label]), named(class.Name))
	}
	skipped := slices.Concat(m.Train.Skipped, m.Test.Skipped)
	if len(skipped) > 0 {
		fmt.Fprintln(table, "\nleft out\twhy")
	}
	for _, s := range skipped {
		fmt.Fprintf(table, "%s\t%s\n", foreign.Text(s.File), foreign.Text(s.Reason))
	}
	return table.Flush()
}

// named returns a class's name in words, which may be missing.
func named(name string) string {
	if name == "" {
		return ""
	}
	return foreign.Text(name)
}

func size(m *shards.Manifest) string {
	return humanize.Bytes(uint64(m.Train.Images+m.Test.Images) * uint64(m.RecordBytes()))
}
