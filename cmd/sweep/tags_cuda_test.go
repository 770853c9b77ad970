//go:build cuda

package main

func init() { buildTags = "cuda" }
