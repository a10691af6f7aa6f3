package notify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/botsync/botsync/internal/root"
)

// NewSecret draws the secret of a webhook: 32 bytes, written as Standard Webhooks
// has it.
func NewSecret() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return root.SecretPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// signed signs as Standard Webhooks 1.0 has it: the id stays the same over all
// attempts, the time is that of the attempt.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func signed(key []byte) func(http.Header, string, []byte, time.Time) {
	return func(h http.Header, id string, body []byte, now time.Time) {
		at := strconv.FormatInt(now.Unix(), 10)
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", at)
		h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(signature(key, id, at, body)))
	}
}

func signature(key []byte, id, at string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
