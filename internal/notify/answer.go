package notify

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// verdict is what to do after an attempt to send a notification.
type verdict int

const (
	accepted verdict = iota
	retry            // later, for as long as it takes
	retryFew         // later, but not for ever: it may be this notification that is at fault
	park             // never this one: it goes to the side and the next one is sent
	pause            // none at all, until something is changed
)

// answer is the outcome of an attempt.
type answer struct {
	verdict verdict
	text    string        // what was answered, or went wrong, for people
	after   time.Duration // not before then, if the other side said so
}

// maxRetryAfter bounds for how long the other side can put us off.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of RFC 9110, 10.2.3: seconds or a date. 0 stands
// for one that is missing, makes no sense or has passed.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	// By the clock of the other side, if it shows it.
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// judge says what an HTTP status means. The lists are those that a running
// OpenClaw gateway calls for, and of the rest whatever loses nothing.
func judge(status int) verdict {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return retry
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return park
	}
	switch status / 100 {
	case 2:
		return accepted
	case 5:
		return retryFew
	}
	return pause
}

// reasonOf explains a status that is not 2xx.
func reasonOf(kind string, resp *http.Response, said string) string {
	reason := "it answered " + strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	switch {
	case resp.StatusCode/100 == 3:
		reason += ", a redirect, which is not followed: the secret would go with it"
	case resp.StatusCode == http.StatusUnauthorized && kind == openclaw:
		reason += ": the token is wrong"
	case resp.StatusCode == http.StatusNotFound && kind == openclaw:
		reason += ": hooks are switched off there, or the URL has another path"
	case resp.StatusCode == http.StatusMethodNotAllowed:
		reason += ": this URL takes no notifications"
	}
	if said != "" {
		reason += " (" + said + ")"
	}
	return reason
}
