package prepare

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/shards"
)

// Truth holds the classes of photographs that are not sorted into folders.
type Truth struct {
	file, sum string
	byName    map[string]string // by the file's name without its extension
	byNumber  []string          // of ILSVRC2012_val_00000001 and so on; nil if byName is used
}

// maxText bounds a list of images or classes; that of ILSVRC2012's validation images has 2 MB.
const maxText = 64 << 20

// ilsvrcClasses is the number of classes of ILSVRC2012.
const ilsvrcClasses = 1000

// ReadTruth reads a text file in one of these forms, a line for each photograph; empty
// lines and those that begin with # do not count:
//
//	ILSVRC2012_val_00000001.JPEG n01751748     file name and synset, with or without its
//	                                           extension, or with a comma between them, as in
//	                                           LOC_val_solution.csv
//	n01751748                                  the synset of photograph 1, 2, …
//	490                                        the ILSVRC2012_ID of photograph 1, 2, …, as
//	                                           in ILSVRC2012_validation_ground_truth.txt
//
// The last form needs ids, a text file with the synset of ID 1, 2, … at the beginning of
// each line; it is "" for the others.
func ReadTruth(ctx context.Context, file, ids string) (*Truth, error) {
	text, err := disk.ReadFile(ctx, file, maxText)
	if err != nil {
		return nil, sourceFault(file, err)
	}
	var idText []byte
	if ids != "" {
		if idText, err = disk.ReadFile(ctx, ids, maxText); err != nil {
			return nil, sourceFault(ids, err)
		}
	}
	return parseTruth(file, text, ids, idText)
}

func parseTruth(file string, text []byte, idFile string, idText []byte) (*Truth, error) {
	lines := readLines(text)
	if len(lines) == 0 {
		return nil, fault.New(shards.ErrFormat, nil, "%s is empty; a line for each validation image was expected.", file)
	}
	if len(lines) > 1 && lines[0].words[0] == "ImageId" { // the head of LOC_val_solution.csv
		lines = lines[1:]
	}
	sum := sha256.New()
	sum.Write(text)
	sum.Write(idText)
	t := &Truth{file: file, sum: hex.EncodeToString(sum.Sum(nil))}

	if _, err := strconv.Atoi(lines[0].words[0]); err == nil && len(lines[0].words) == 1 {
		synsets, err := readIDs(file, idFile, idText)
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			id, err := strconv.Atoi(line.words[0])
			if err != nil || len(line.words) != 1 || id < 1 || id > len(synsets) {
				return nil, fault.New(shards.ErrFormat, nil, "%s, line %d: %s; an ID from 1 to %d was expected, one for each line of %s.",
					file, line.number, foreign.Quoted(line.text), len(synsets), idFile)
			}
			t.byNumber = append(t.byNumber, synsets[id-1])
		}
		return t, nil
	}
	if len(lines[0].words) == 1 {
		for _, line := range lines {
			if len(line.words) != 1 {
				return nil, fault.New(shards.ErrFormat, nil, "%s, line %d: %s; one synset was expected, as in its first line.", file, line.number, foreign.Quoted(line.text))
			}
			t.byNumber = append(t.byNumber, line.words[0])
		}
		return t, nil
	}
	t.byName = make(map[string]string, len(lines))
	for _, line := range lines {
		if len(line.words) < 2 {
			return nil, fault.New(shards.ErrFormat, nil, "%s, line %d: %s; a file name and a synset were expected.", file, line.number, foreign.Quoted(line.text))
		}
		name := stem(line.words[0])
		if known, twice := t.byName[name]; twice && known != line.words[1] {
			return nil, fault.New(shards.ErrFormat, nil, "%s, line %d: %s is of class %s, but an earlier line says %s.", file, line.number, foreign.Text(name), foreign.Text(line.words[1]), foreign.Text(known))
		}
		t.byName[name] = line.words[1]
	}
	return t, nil
}

// readIDs reads the synsets in the order of their ILSVRC2012_ID.
func readIDs(truth, file string, text []byte) ([]string, error) {
	if file == "" {
		return nil, fault.New(shards.ErrFormat, nil,
			"%s holds numbers: give with -ids a text file with the synset of ILSVRC2012_ID 1, 2, … in its lines (as the devkit's meta.mat lists them), or with -truth a file of image names and synsets.", truth)
	}
	var synsets []string
	for _, line := range readLines(text) {
		if slices.Contains(synsets, line.words[0]) {
			return nil, fault.New(shards.ErrFormat, nil, "%s, line %d: %s was there before; each ID has a synset of its own.", file, line.number, foreign.Text(line.words[0]))
		}
		synsets = append(synsets, line.words[0])
	}
	// The IDs of ILSVRC2012 are not alphabetical, while many lists of its synsets are;
	// with one of these every label would be wrong and nothing would show it.
	if len(synsets) == ilsvrcClasses && slices.IsSorted(synsets) {
		return nil, fault.New(shards.ErrFormat, nil, "%s lists the synsets in alphabetical order; that of ILSVRC2012_ID was expected (it begins with n02119789, n02100735).", file)
	}
	return synsets, nil
}

// classes returns the classes that occur, in alphabetical order.
func (t *Truth) classes() []string {
	names := slices.AppendSeq(slices.Clone(t.byNumber), maps.Values(t.byName))
	slices.Sort(names)
	return slices.Compact(names)
}

// classOf is class for a photograph that is known to have one.
func (t *Truth) classOf(name string) string {
	class, _ := t.class(name)
	return class
}

// class returns the class of a photograph by its file's name.
func (t *Truth) class(name string) (string, error) {
	if t.byName != nil {
		if class, ok := t.byName[stem(name)]; ok {
			return class, nil
		}
		return "", fault.New(shards.ErrFormat, nil, "%s does not say which class %s is of.", t.file, foreign.Text(name))
	}
	s := stem(name)
	number, err := strconv.Atoi(s[strings.LastIndexByte(s, '_')+1:])
	if err != nil {
		return "", fault.New(shards.ErrFormat, nil, "%s has no number at its end, such as ILSVRC2012_val_00000001.JPEG: which line of %s is about it cannot be told.", foreign.Text(name), t.file)
	}
	if number < 1 || number > len(t.byNumber) {
		return "", fault.New(shards.ErrFormat, nil, "%s has %d lines, so none is about %s.", t.file, len(t.byNumber), foreign.Text(name))
	}
	return t.byNumber[number-1], nil
}

// stem returns a file's name without folders and extension.
func stem(name string) string {
	base := path.Base(name)
	return strings.TrimSuffix(base, path.Ext(base))
}

// ReadSynsets reads the words for classes: a text file with a synset at the beginning of
// each line and its name after it, such as "n01440764 tench, Tinca tinca".
func ReadSynsets(ctx context.Context, file string) (map[string]string, error) {
	text, err := disk.ReadFile(ctx, file, maxText)
	if err != nil {
		return nil, sourceFault(file, err)
	}
	return parseSynsets(file, text)
}

func parseSynsets(file string, text []byte) (map[string]string, error) {
	names := map[string]string{}
	for _, line := range readLines(text) {
		synset := line.words[0]
		name := strings.TrimLeftFunc(strings.TrimPrefix(line.text, synset), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		if name == "" {
			return nil, fault.New(shards.ErrFormat, nil, "%s, line %d: %s; a synset and its name were expected, such as \"n01440764 tench\".", file, line.number, foreign.Quoted(line.text))
		}
		names[synset] = name
	}
	return names, nil
}

// line is a line of a text file.
type line struct {
	number int // from 1
	text   string
	words  []string // at least one
}

func readLines(text []byte) []line {
	var lines []line
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(nil, len(text)+1) // a line may be as long as the file
	for number := 1; in.Scan(); number++ {
		trimmed := strings.TrimSpace(strings.TrimPrefix(in.Text(), "\ufeff"))
		words := strings.FieldsFunc(trimmed, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		if len(words) > 0 && !strings.HasPrefix(trimmed, "#") {
			lines = append(lines, line{number: number, text: trimmed, words: words})
		}
	}
	return lines
}
