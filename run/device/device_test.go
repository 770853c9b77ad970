package device

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/run/settings"
)

func TestDevicesAreThoseOfTheSetting(t *testing.T) {
	names := []string{"auto"}
	for _, d := range kinds() {
		names = append(names, d.name)
	}
	assert.Equal(t, settings.Devices, names)
}
