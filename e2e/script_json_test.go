//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// json FILE[:LINE] PATH VALUE: the value at that path of the JSON object, such as
//
//	json stdout .folders[0].name shared
//	json stdout:2 .type joined
//	json stdout .peers.length 1
//	json stdout .device.id /^[A-Z0-9-]{63}$/
//
// A value between slashes is a regular expression. With ! it is another value,
// or nothing is there.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 3, "[!] json FILE[:LINE] PATH VALUE")
	file, number, _ := strings.Cut(args[0], ":")
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(file), "\n"), "\n")
	n := 1
	if number != "" {
		var err error
		n, err = strconv.Atoi(number)
		ts.Check(err)
	} else if len(lines) != 1 {
		ts.Fatalf("%d lines instead of one", len(lines))
	}
	if n > len(lines) {
		ts.Fatalf("only %d lines", len(lines))
	}
	err := compareJSON([]byte(lines[n-1]), args[1], args[2])
	if (err != nil) != neg {
		ts.Fatalf("%s %s: not as wanted: %v", args[0], args[1], err)
	}
}

// await-status PATH VALUE...: until the status of this machine has these values.
func cmdAwaitStatus(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 2 && len(args)%2 == 0 && !neg, "await-status PATH VALUE [PATH VALUE...]")
	w := worldOf(ts)
	await(ts, "status "+strings.Join(args, " "), func() error {
		r := w.start(ts, []string{"status", "--json"})
		<-r.done
		out := []byte(r.out.String())
		for i := 0; i < len(args); i += 2 {
			if err := compareJSON(out, args[i], args[i+1]); err != nil {
				return fmt.Errorf("%s: %w\n%s%s", args[i], err, out, r.err.String())
			}
		}
		return nil
	})
}

func compareJSON(data []byte, path, want string) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("%w in %q", err, data)
	}
	got, err := lookUp(v, path)
	if err != nil {
		return err
	}
	text, ok := got.(string)
	if !ok {
		b, err := json.Marshal(got)
		if err != nil {
			return err
		}
		text = string(b)
	}
	if len(want) > 2 && strings.HasPrefix(want, "/") && strings.HasSuffix(want, "/") {
		re, err := regexp.Compile(want[1 : len(want)-1])
		if err != nil {
			return err
		}
		if re.MatchString(text) {
			return nil
		}
	} else if text == want {
		return nil
	}
	return fmt.Errorf("it is %s, not %s", text, want)
}

var steps = regexp.MustCompile(`\.([a-z_]+)|\[(\d+)\]`)

func lookUp(v any, path string) (any, error) {
	if rest := steps.ReplaceAllString(path, ""); rest != "" {
		return nil, fmt.Errorf("malformed path: %s", rest)
	}
	for _, step := range steps.FindAllStringSubmatch(path, -1) {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[step[1]]
			if !ok {
				return nil, fmt.Errorf("there is no %s", step[0])
			}
			v = next
		case []any:
			if step[1] == "length" {
				v = len(at)
				continue
			}
			i, err := strconv.Atoi(step[2])
			if err != nil || i >= len(at) {
				return nil, fmt.Errorf("there is no %s", step[0])
			}
			v = at[i]
		default:
			return nil, fmt.Errorf("there is no %s", step[0])
		}
	}
	return v, nil
}

// same-value PATH FILE...: it is the same in all of them.
func cmdSameValue(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 2 && !neg, "same-value PATH FILE FILE...")
	var first any
	for i, file := range args[1:] {
		var v any
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &v))
		got, err := lookUp(v, args[0])
		ts.Check(err)
		if i == 0 {
			first = got
		} else if got != first {
			ts.Fatalf("%s is %v in %s and %v in %s", args[0], first, args[1], got, file)
		}
	}
}
