package control

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/botsync/botsync/internal/api"
)

func (h *handler) log(w http.ResponseWriter, r *http.Request) {
	req, err := readLog(r.URL.Query())
	if err != nil {
		writeError(w, err)
		return
	}
	events, err := h.b.Log(r.Context(), req)
	if err != nil {
		writeError(w, err)
		return
	}
	s := openStream(w)
	for _, e := range events {
		if s.line(e) != nil {
			return
		}
	}
	s.finished(r, nil)
}

func logQuery(req api.LogRequest) url.Values {
	q := url.Values{}
	if !req.Since.IsZero() {
		q.Set("since", req.Since.Format(time.RFC3339Nano))
	}
	q.Set("after", strconv.FormatInt(req.After, 10))
	q.Set("limit", strconv.Itoa(req.Limit))
	q.Set("by", req.By)
	q.Set("path", req.Path)
	q.Set("all", strconv.FormatBool(req.All))
	return q
}

// readLog reads what logQuery wrote; what is left out is zero.
func readLog(q url.Values) (req api.LogRequest, err error) {
	bad := func(key, what string) error {
		return api.Errorf(api.CodeUsage, "Give "+what+".", "%s=%q is not valid", key, q.Get(key))
	}
	req.By, req.Path = q.Get("by"), q.Get("path")
	if v := q.Get("since"); v != "" {
		if req.Since, err = time.Parse(time.RFC3339Nano, v); err != nil {
			return req, bad("since", "a time of RFC 3339")
		}
	}
	if v := q.Get("after"); v != "" {
		if req.After, err = strconv.ParseInt(v, 10, 64); err != nil || req.After < 0 {
			return req, bad("after", "the id of an event")
		}
	}
	if v := q.Get("limit"); v != "" {
		if req.Limit, err = strconv.Atoi(v); err != nil {
			return req, bad("limit", "a number")
		}
	}
	if v := q.Get("all"); v != "" {
		if req.All, err = strconv.ParseBool(v); err != nil {
			return req, bad("all", "true or false")
		}
	}
	return req, nil
}

// Log returns what happened, the latest last.
func (c *Client) Log(ctx context.Context, req api.LogRequest) ([]api.Event, error) {
	events := []api.Event{}
	ended := false
	err := c.lines(ctx, http.MethodGet, "/v1/log?"+logQuery(req).Encode(), nil, func(data []byte) error {
		var e api.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		if ended = e.Type == typeEnd; !ended {
			events = append(events, e)
		}
		return nil
	})
	if err == nil && !ended {
		err = c.stopped()
	}
	return events, err
}
