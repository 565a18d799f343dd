"""A page of the dashboard as a person sees and uses it, in a browser that all tests of pages share."""

import time

import in_browser

WAIT_S = 120.0
"""For what a busy machine takes its time over; a test waits no longer than it has to."""
LOOKS = ((in_browser.WIDE, True), (in_browser.NARROW, False))
"""A screen in dark and a telephone in light: each size and each theme once."""

_MOVING = "return [...document.querySelectorAll('.q-dialog, .q-notification')].some(one => one.getAnimations({subtree: true}).length)"


def until(holds, what, told=lambda: ""):
    """Wait for it, and hand over what it came to. told: said where it does not come."""
    end = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < end, f"{what}: not in {WAIT_S} s: {told()}"
        time.sleep(0.05)
    return found


class Page:
    """One page; a field goes by its label, a button by what stands on it."""

    def __init__(self, browser, address, *, size=in_browser.WIDE, dark=False):
        self.browser = browser
        in_browser.look(browser, size=size, dark=dark)
        in_browser.complaints(browser)
        browser.get(address)
        self.until(lambda: self.texts("h1"), "the page")

    def until(self, holds, what="that"):
        return until(holds, what, told=lambda: self.browser.find_element("tag name", "body").text[:1500])

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def texts(self, where):
        """Of what can be seen, in one call: between two the page may have changed."""
        script = """return [...document.querySelectorAll(arguments[0])].filter(one => one.getClientRects().length)
            .map(one => (one.innerText ?? one.textContent).trim())"""
        return self.run(script, where)

    def says(self, text, where="[role=status], [role=alert]"):
        self.until(lambda: any(text in shown for shown in self.texts(where)), text)

    def button(self, shown, *, within="body"):
        """Also a heading that sorts; None where there is none."""
        script = """return [...document.querySelectorAll(arguments[0] + ' button')].find(
            one => one.getClientRects().length && one.innerText.replace(/[↑↓]/, '').trim() == arguments[1])"""
        return self.run(script, within, shown)

    def press(self, shown, *, within="body"):
        """As soon as it can be pressed, and nothing moves."""
        from selenium.common.exceptions import WebDriverException

        def pressed():
            # What is clicked on while a dialog still grows may lie elsewhere a moment later.
            found = None if self.run(_MOVING) else self.button(shown, within=within)
            try:
                return found is not None and found.is_enabled() and (found.click() or True)
            except WebDriverException:
                return False

        self.until(pressed, f"the button {shown}")

    def field(self, label):
        """By the label that a person reads, or, where it has none to read, the one that is said."""
        script = """const all = [...document.querySelectorAll('input, textarea, [role=combobox]')];
            const seen = all.filter(one => one.getClientRects().length);
            return seen.find(one => one.closest('.q-field')?.querySelector('.q-field__label')?.innerText == arguments[0])
                || seen.find(one => one.getAttribute('aria-label') == arguments[0])"""
        return self.until(lambda: self.run(script, label), f"the field {label}")

    def type(self, label, text):
        """In place of what stands there; a person is still in the field afterwards."""
        from selenium.webdriver.common.keys import Keys

        field = self.field(label)
        self.run("arguments[0].scrollIntoView({block: 'center'})", field)
        field.send_keys(Keys.CONTROL + "a")
        field.send_keys(text or Keys.DELETE)

    def choose(self, label, option, *, is_one_of_several=False):
        """What begins so of a menu; a page that is still being filled closes one that was opened meanwhile.

        is_one_of_several: more may be chosen beside it, so that the menu stays until it is left.
        """
        asked = [0.0]
        script = "return [...document.querySelectorAll('.q-menu .q-item')].find(one => one.innerText.trim().startsWith(arguments[0]))"

        def offered():
            if not self.texts(".q-menu") and time.monotonic() > asked[0] + 1:
                asked[0] = time.monotonic()
                self.run("arguments[0].click()", self.field(label))
            return self.run(script, option)

        # By the browser itself: the menu moves as it opens.
        self.run("arguments[0].click()", self.until(offered, f"the option {option}"))
        if is_one_of_several:
            self.leave(label)
        self.until(lambda: not self.texts(".q-menu .q-item"), "the menu closed")

    def leave(self, label):
        """Of a field, with its menu: by the keyboard."""
        from selenium.webdriver.common.keys import Keys

        self.field(label).send_keys(Keys.ESCAPE)

    def columns(self, *headings):
        """Texts below headings of the table in view, a list of each; all at once, as rows may come between two calls."""
        script = """const table = [...document.querySelectorAll('table')].find(one => one.getClientRects().length);
            if (!table) return [...arguments].map(() => []);
            const told = [...table.tHead.rows[0].cells].map(one => one.innerText.replace(/[↑↓]/, '').trim());
            return [...arguments].map(heading => told.indexOf(heading)).map(
                place => place < 0 ? [] : [...table.tBodies[0].rows].map(row => row.cells[place]?.innerText.trim()))"""
        return self.run(script, *headings)

    def column(self, heading):
        [found] = self.columns(heading)
        return found

    def fits(self):
        """What is held of a page in every state."""
        self.until(lambda: in_browser.beyond_the_screen(self.browser) == 0, "a page within its screen")
        complaints = in_browser.complaints(self.browser)
        assert complaints == [], complaints
        assert self.run("return window.hacked") is None

    def sound(self, looks=LOOKS):
        """And what axe-core takes its time over, in each of these looks; afterwards it is wide and light."""
        for size, dark in looks:
            in_browser.look(self.browser, size=size, dark=dark)
            theme = "dark" if dark else "light"
            self.until(lambda theme=theme: self.run("return document.documentElement.dataset.theme") == theme, theme)
            # What fades in has little contrast half there.
            self.until(lambda: not self.run(_MOVING), "a dialog that rests")
            self.fits()
            found = in_browser.barriers(self.browser)
            assert found == [], (size, dark, found)
        in_browser.look(self.browser)
        self.fits()
