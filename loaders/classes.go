package loaders

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/internal/fault"
	"mdfa/internal/foreign"
)

// Classes says which classes of a data set to keep. The zero value keeps all.
type Classes struct {
	Count int      // so many, which a seed picks
	Names []string // these: the order in which they are given does not count
}

// AllClasses is the text of the zero Classes.
const AllClasses = "all"

const (
	// betweenNames separates names. A comma does as well, but separates the values of a sweep, too.
	betweenNames = "+"
	// beforeNumber marks the number of a class that stands for its name.
	beforeNumber = ":"
)

// ParseClasses reads the text of the flag -classes: all, a number, or names with commas or plus signs between them.
func ParseClasses(text string) (Classes, error) {
	if count, err := strconv.Atoi(text); err == nil {
		return Classes{Count: count}, nil
	}
	if text == AllClasses {
		return Classes{}, nil
	}
	names := strings.Split(strings.ReplaceAll(text, ",", betweenNames), betweenNames)
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
	if len(names) < 2 || slices.Contains(names, "") {
		return Classes{}, fmt.Errorf("classes %s: expected a number of classes, or the names of at least two, such as 3,8", foreign.Word(text))
	}
	return Classes{Names: names}, nil
}

// String returns the text that ParseClasses reads, with plus signs.
func (c Classes) String() string {
	switch {
	case c.Names != nil:
		return strings.Join(c.Names, betweenNames)
	case c.Count == 0:
		return AllClasses
	}
	return strconv.Itoa(c.Count)
}

// classes reads Options.Classes.
func (opt Options) classes() (Classes, error) {
	if opt.Classes == "" {
		return Classes{}, nil
	}
	classes, err := ParseClasses(opt.Classes)
	if err != nil {
		err = fault.New(ErrClasses, nil, "-%v.", err)
	}
	return classes, err
}

// choose returns the labels of the classes that the options keep, in their new order, and the one spelling of
// classes that were named. These keep the order of the data set.
func (d definition) choose(opt Options) (order []int, named string, err error) {
	if len(opt.ClassOrder) > 0 {
		return opt.ClassOrder, "", d.checkOrder(opt.ClassOrder)
	}
	classes, err := opt.classes()
	if err != nil {
		return nil, "", err
	}
	if classes.Names == nil {
		order, err = d.draw(classes.Count, opt)
		return order, "", err
	}
	all := d.naming()
	if order, err = all.find(classes.Names); err != nil {
		return nil, "", fault.New(ErrClasses, nil, "-classes %s: %v.", foreign.Word(opt.Classes), err)
	}
	for i, label := range order {
		classes.Names[i] = all.spelling(label)
	}
	return order, classes.String(), nil
}

// checkOrder refuses labels that the data set does not have.
func (d definition) checkOrder(order []int) error {
	for i, label := range order {
		if len(order) < 2 || label < 0 || label >= d.classes || slices.Contains(order[:i], label) {
			return fault.New(ErrClasses, nil, "%s has the labels 0 to %d, and the labels %v were asked for: name the files that have them.", d.name, d.classes-1, order)
		}
	}
	return nil
}

// draw returns the first classes of a permutation of all, which a seed draws as in the paper's code.
func (d definition) draw(count int, opt Options) ([]int, error) {
	switch {
	case count == 0:
		count = d.classes
	case count < 2:
		return nil, fault.New(ErrClasses, nil,
			"-classes %d: a classifier needs at least 2 classes; %s has %d (leave the flag out to use all).",
			count, d.name, d.classes)
	case count > d.classes:
		return nil, fault.New(ErrClasses, nil,
			"-classes %d: %s has only %d classes; give 2 to %d (leave the flag out to use all).",
			count, d.name, d.classes, d.classes)
	}
	flag, by := "seed", opt.Seed
	if opt.ClassSeed != nil {
		flag, by = "class_seed", *opt.ClassSeed
	}
	seed, err := checkSeed(flag, by)
	if err != nil {
		return nil, err
	}
	return newRandomState(seed).permutation(d.classes)[:count:count], nil
}

// SameClasses reports whether a text of -classes names the classes of a data set that was loaded: its Named,
// ClassOrder and ClassNames say which these are.
func SameClasses(text, named string, order []int, names []string) bool {
	want, err := ParseClasses(text)
	have, unnamed := ParseClasses(named)
	if err != nil || unnamed != nil || len(have.Names) != len(order) || len(want.Names) != len(order) {
		return false
	}
	if len(names) != len(order) {
		names = have.Names
	}
	_, err = naming{ids: have.Names, names: names, labels: order}.find(want.Names)
	return err == nil
}

// naming has the names of some classes of a data set.
type naming struct {
	of     string   // the data set
	ids    []string // as in the files
	names  []string // for people
	labels []int
}

func (d definition) naming() naming {
	n := naming{of: d.name, ids: d.classIDs, names: d.classNames}
	for label := range d.classes {
		n.labels = append(n.labels, label)
		if d.classNames == nil {
			n.names = append(n.names, strconv.Itoa(label))
		}
	}
	if n.ids == nil {
		n.ids = n.names
	}
	return n
}

// find returns the places of the classes that names stand for, in ascending order.
func (n naming) find(names []string) ([]int, error) {
	found := map[int]string{}
	for _, name := range names {
		at, err := n.place(name)
		if err != nil {
			return nil, err
		}
		switch before, twice := found[at]; {
		case twice && before == name:
			return nil, fmt.Errorf("%s is named twice; name each class once", foreign.Text(name))
		case twice:
			return nil, fmt.Errorf("%s and %s are the same class; name each class once", foreign.Text(before), foreign.Text(name))
		}
		found[at] = name
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// place returns the place of the class that a name stands for: its identifier, its name, its number behind a colon, or
// its number alone if no class has a number for a name.
func (n naming) place(name string) (int, error) {
	var numbers []string
	for _, label := range n.labels {
		numbers = append(numbers, strconv.Itoa(label))
	}
	places := n.all(n.ids, name)
	if places == nil {
		places = n.all(n.names, name)
	}
	if number, marked := strings.CutPrefix(name, beforeNumber); places == nil && (marked || !n.numbered()) {
		places = n.all(numbers, number)
	}
	switch len(places) {
	case 0:
		return 0, fmt.Errorf("%s has no class %s; it has %s", n.of, foreign.Text(name), n.some())
	case 1:
		return places[0], nil
	}
	var spelled []string
	for _, at := range places {
		spelled = append(spelled, n.spelling(at))
	}
	return 0, fmt.Errorf("%s has %d classes %s; name one of them as %s", n.of, len(places), foreign.Text(name), english.WordSeries(spelled, "or"))
}

// all returns the places of a text.
func (n naming) all(texts []string, text string) (places []int) {
	for at, is := range texts {
		if is == text {
			places = append(places, at)
		}
	}
	return places
}

// numbered reports whether a class has a number for a name, so that a number might mean two classes.
func (n naming) numbered() bool {
	return slices.ContainsFunc(slices.Concat(n.ids, n.names), func(name string) bool {
		_, err := strconv.Atoi(name)
		return err == nil
	})
}

// spelling returns the text by which -classes names a class: its identifier, or its number where that cannot stand in
// a list or on one line, or is that of another class, too.
func (n naming) spelling(at int) string {
	id := n.ids[at]
	list, err := ParseClasses(id + betweenNames + id)
	if err == nil && slices.Equal(list.Names, []string{id, id}) && foreign.Text(id) == id && len(n.all(n.ids, id)) == 1 {
		return id
	}
	return beforeNumber + strconv.Itoa(n.labels[at])
}

// some lists the classes, without the middle of many.
func (n naming) some() string {
	const most = 12
	var spelled []string
	for at, id := range n.ids {
		text := n.spelling(at)
		if text != id {
			text = fmt.Sprintf("%s (%s)", text, foreign.Text(id))
		}
		spelled = append(spelled, text)
	}
	if last := len(spelled) - 1; last >= most || n.numbered() && last > 2 {
		return fmt.Sprintf("%s, %s, … %s", spelled[0], spelled[1], spelled[last])
	}
	return english.WordSeries(spelled, "and")
}
