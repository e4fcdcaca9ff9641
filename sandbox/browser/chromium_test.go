package browser

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is the longest that anything is waited for. It only tells what hangs from a busy
// machine.
const patience = 4 * time.Minute

// findChromium returns the path of a browser of the Chromium family that can be started: on Ubuntu,
// chromium-browser may be a script that only asks to install a snap.
func findChromium(ctx context.Context) (string, error) {
	names := []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell", "headless-shell",
	}
	if runtime.GOOS == "darwin" {
		names = append(names, "/Applications/Chromium.app/Contents/MacOS/Chromium",
			"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err == nil && exec.CommandContext(ctx, path, "--version").Run() == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium among %s: install it with `apt-get install chromium` on Debian and Ubuntu, "+
		"or `brew install --cask chromium` on macOS",
		strings.Join(names, ", "))
}

// startChromium starts a browser with an empty profile and returns a context of one tab in it. The
// browser ends, and its profile goes, when the test ends.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	path, err := findChromium(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Without a flag that names a user-data-dir, chromedp makes an empty one and removes it.
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Flag("headless", true), chromedp.WindowSize(1360, 900),
	}
	options = append(options, chromedp.WSURLReadTimeout(patience))
	for _, flag := range []string{
		"no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "no-default-browser-check",
		"disable-background-networking",
		"disable-component-update", "disable-sync", "disable-default-apps", "disable-extensions", "disable-breakpad",
		"disable-dev-shm-usage", "disable-background-timer-throttling", "disable-renderer-backgrounding", "hide-scrollbars",
		"mute-audio",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	options = append(options, chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("password-store", "basic"), chromedp.Flag("use-mock-keychain", true))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(endAllocator)
	ctx, endTab := chromedp.NewContext(allocator)
	t.Cleanup(endTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// console collects what the page's console reports as an error, and requests that leave the page's
// origin.
type console struct {
	origin string

	mu     sync.Mutex
	errors []string
}

// listen takes the events of a tab; it runs on the goroutine that reads them and must not call the
// browser.
func (c *console) listen(event any) {
	var line string
	switch e := event.(type) {
	case *cdpruntime.EventConsoleAPICalled:
		if !slices.Contains([]cdpruntime.ConsoleAPICalledType{
			cdpruntime.ConsoleAPICalledTypeError, cdpruntime.ConsoleAPICalledTypeWarning, cdpruntime.ConsoleAPICalledTypeAssert,
		}, e.Type) {
			return
		}
		line = string(e.Type)
		for _, a := range e.Args {
			line += " " + a.Description + string(a.Value)
		}
	case *cdpruntime.EventExceptionThrown:
		line = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			line += " " + e.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return
		}
		line = fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *network.EventRequestWillBeSent:
		url := e.Request.URL
		if strings.HasPrefix(url, c.origin+"/") || strings.HasPrefix(url, "data:") || strings.HasPrefix(url, "about:") {
			return
		}
		line = "the page asked elsewhere: " + url
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors = append(c.errors, line)
}

// take returns what was collected and forgets it.
func (c *console) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.errors
	c.errors = nil
	return out
}
