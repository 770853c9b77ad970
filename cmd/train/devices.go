package train

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"mdfa/cmd/internal/cli"
	"mdfa/run/device"
)

// listDevices prints a line for each device of this machine, for -devices.
func listDevices(out *cli.Console) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, columns := range device.Describe() {
		fmt.Fprintln(table, strings.Join(columns, "\t"))
	}
	table.Flush()
	for line := range strings.Lines(text.String()) {
		const indent = 6 // the width of a device's name
		fmt.Fprintln(out, cli.Hang(strings.TrimSuffix(line, "\n"), indent, cli.Columns(out.File)))
	}
}
