// Command check compares the project's CUDA headers with NVIDIA's: every constant, the size, alignment and
// signedness of every type, the offset of every field, the symbol behind every alias and the type of every function.
// It exits with 1 if anything differs that is not listed in sets.go with its reason.
//
// It fetches NVIDIA's headers with pip into a temporary folder (about 2.5 GB, since the wheels hold the libraries as
// well), or takes them from a folder:
//
//	go run ./gpu/cuda/include/check                        # every release, by pip
//	go run ./gpu/cuda/include/check -set 12.9 -in FOLDER   # one release, from wheels unpacked there or a toolkit
//
// It needs a C compiler (CC, else cc), and for fetching Python with pip (PYTHON, else python3).
package main

import (
	"archive/zip"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mdfa/gpu/cuda/include/cheader"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("headers-check: ")
	only := flag.String("set", "", "compare with this release only: "+releases())
	in := flag.String("in", "", "look for NVIDIA's headers in this folder instead of fetching them; needs -set")
	own := flag.String("own", "gpu/cuda/include", "folder of the project's headers")
	flag.Parse()
	if err := run(*only, *in, *own); err != nil {
		log.Fatal(err)
	}
}

// releases lists the names of the sets.
func releases() string {
	names := make([]string, len(sets))
	for i, s := range sets {
		names[i] = s.name
	}
	return strings.Join(names, ", ")
}

func run(only, in, own string) error {
	if in != "" && only == "" {
		return fmt.Errorf("-in holds one release: say which with -set (%s)", releases())
	}
	header, err := cheader.Read(os.DirFS(own), cheader.Files()...)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "headers-check")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover in the temporary folder does no harm

	cc := cmp.Or(os.Getenv("CC"), "cc")
	list := items(header)
	ours := map[string]string{}
	refused, err := attempt(cc, work, []string{own}, list, ours)
	if err == nil && len(refused) > 0 {
		err = fmt.Errorf("%s refuses %v", cc, refused)
	}
	if err != nil {
		return fmt.Errorf("our own headers: %w", err)
	}
	checked, failed := 0, false
	for _, s := range sets {
		if only != "" && s.name != only {
			continue
		}
		checked++
		problems, err := check(s, in, cc, work, list, ours)
		if err != nil {
			return fmt.Errorf("CUDA %s: %w", s.name, err)
		}
		for _, p := range problems {
			failed = true
			log.Printf("CUDA %s: %s", s.name, p)
		}
		fmt.Printf("CUDA %s: %d items compared, %d differ, %d listed exceptions\n", s.name, len(list), len(problems), len(s.except))
	}
	if checked == 0 {
		return fmt.Errorf("-set %s: there is no such release here; known are %s", only, releases())
	}
	if failed {
		return errors.New("the headers in gpu/cuda/include differ from NVIDIA's")
	}
	return nil
}

// check compares with one release in the folder in, or fetched into its own folder below work if in is "".
func check(s set, in, cc, work string, list []item, ours map[string]string) ([]string, error) {
	if in == "" {
		in = filepath.Join(work, s.name)
		if err := fetch(s.wheels, in); err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(in) }()
	}
	folders, err := includeFolders(in)
	if err != nil {
		return nil, err
	}
	theirs, err := facts(cc, work, folders, list)
	if err != nil {
		return nil, err
	}
	return compare(ours, theirs, s.except), nil
}

// fetch downloads the wheels with pip and unpacks their headers below folder.
func fetch(wheels []string, folder string) error {
	python := cmp.Or(os.Getenv("PYTHON"), "python3")
	// The headers are the same for every machine, and every release has wheels for x86-64 Linux.
	args := []string{"-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder,
		"--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_27_x86_64",
		"--platform", "manylinux2010_x86_64", "--platform", "manylinux1_x86_64"}
	command := exec.Command(python, append(args, wheels...)...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("pip download %s: %w", strings.Join(wheels, " "), err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.whl"))
	if err != nil {
		return err
	}
	for _, file := range files {
		// A folder for each wheel, since several have the same file.
		if err := unpackHeaders(file, strings.TrimSuffix(file, ".whl")); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// unpackHeaders copies the include folders of a wheel below folder.
func unpackHeaders(wheel, folder string) (err error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	includes, err := fs.Glob(archive, "nvidia/*/include")
	if err != nil {
		return err
	}
	for _, include := range includes {
		headers, err := fs.Sub(archive, include)
		if err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(folder, include), headers); err != nil {
			return err
		}
	}
	return nil
}

// includeFolders finds the folders below root that hold the headers which the comparison includes, directly or not.
func includeFolders(root string) ([]string, error) {
	wanted := []string{"cuda.h", "cublas_v2.h", "nccl.h", "crt/host_config.h", "nv/target"}
	var folders []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		for _, name := range wanted {
			if _, err := os.Stat(filepath.Join(path, name)); err == nil {
				folders = append(folders, path)
				break
			}
		}
		return nil
	})
	if err == nil && len(folders) == 0 {
		err = fmt.Errorf("%s holds no cuda.h", root)
	}
	return folders, err
}
