package main

import (
	"fmt"
	"strconv"
	"strings"

	"mdfa/cmd/internal/checkpoint"
	"mdfa/internal/disk"
	"mdfa/model"
)

// settledFlags make a run what it is: one that goes on has the same. All others may be
// given anew, -data among them: the images have a checksum.
var settledFlags = []string{
	"dataset", "classes", "coarse", "size",
	"model", "convnet", "layers", "filters", "activation", "forward_init", "backward_init", "clamp_floor",
	"optimizer", "lr", "l2", "reduction", "batch_size", "seed",
}

// compareFlags refuses flags that were typed and are not those of the run that goes on.
func compareFlags(typed options, s checkpoint.Settings, name string) error {
	for _, flag := range settledFlags {
		if !typed.given[flag] {
			continue
		}
		now, was := canonical(flag, typed.values[flag], s), canonical(flag, s.Flags[flag], s)
		if now != was {
			return usagef("-%s %s: %s was started with -%s %s, and goes on with the same: leave the flag out, or start a new run without -resume.",
				flag, now, name, flag, was)
		}
	}
	return nil
}

// sameSettings says whether the flags ask for the run of these settings.
func sameSettings(o options, s checkpoint.Settings) bool {
	if disk.Absolute(o.data) != disk.Absolute(s.Flags["data"]) {
		return false
	}
	for _, flag := range settledFlags {
		if canonical(flag, o.values[flag], s) != canonical(flag, s.Flags[flag], s) {
			return false
		}
	}
	return true
}

// canonical is a flag's value as it can be compared with another: numbers, lists and names
// in one spelling, and a default as what it came to in the run.
func canonical(flag, value string, s checkpoint.Settings) string {
	switch flag {
	case "classes":
		if value == "0" {
			return strconv.Itoa(s.Data.Classes)
		}
	case "size":
		if value == "0" {
			return strconv.Itoa(s.Data.Shape[0])
		}
	case "convnet", "coarse":
		if on, err := strconv.ParseBool(value); err == nil {
			return strconv.FormatBool(on)
		}
	case "layers", "filters":
		return canonicalLayers(flag, value, s)
	case "forward_init", "backward_init":
		if init, err := model.ParseInit(value); err == nil {
			return init.String()
		}
	}
	if x, err := strconv.ParseFloat(value, 64); err == nil {
		return number(x)
	}
	return strings.ToLower(value)
}

// canonicalLayers is a list of layers without blanks. The default is what the network has.
func canonicalLayers(flag, value string, s checkpoint.Settings) string {
	if value == "" {
		net, err := s.Network.Network()
		if err != nil {
			return ""
		}
		kind := model.Dense
		if flag == "filters" {
			kind = model.Conv
		}
		return layersText(net, kind)
	}
	var parts []string
	if flag == "layers" {
		widths, err := model.ParseLayers(value)
		if err != nil {
			return value
		}
		for _, w := range widths {
			parts = append(parts, strconv.Itoa(w))
		}
	} else {
		filters, err := model.ParseFilters(value)
		if err != nil {
			return value
		}
		for _, f := range filters {
			parts = append(parts, fmt.Sprint(f))
		}
	}
	return strings.Join(parts, ",")
}
