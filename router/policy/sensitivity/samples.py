"""Made-up values by type, to ask a pattern whether it would allow every finding of the type.

Each group is alike in form and in nothing else: a pattern that matches a whole group tells nothing apart.
"""

from collections.abc import Iterator, Mapping

from router.signals.sensitivity.lists.patterns import Matcher

_NUMBERS = ("078051120", "4929381746502", "7310048825561093")
_TOKENS = ("kJ8s2Lq9Zx41Vn0pQwRt", "0f9ac17be2d84436", "Tr0ub4dorAnd3")

_SAMPLES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "PERSON": (("Ada Nowak", "Jonas Okafor", "Mary Lindqvist"), ("ada nowak", "jonas okafor"), ("Jonas", "Ines", "Wu")),
    "ADDRESS": (("17 Elm Grove, Leeds LS2 9JT", "Hauptstr. 5, 10115 Berlin", "2208 Ocean Drive"),),
    "EMAIL_ADDRESS": (
        ("q.z7@zanzibar-trading.com", "info@kestrel.com", "mary_l@post.oddname.com"),
        ("jonas@uni.example", "info@kestrel.test", "a.b@zanzibar.invalid"),
    ),
    "PHONE_NUMBER": (
        ("+1 202 555 0143", "+44 20 7946 0958", "+49 151 23456789"),
        ("2025550143", "02079460958", "015123456789"),
        ("(202) 555-0143", "(305) 555-0199"),
    ),
    "CREDIT_CARD": (
        ("4929 3817 4650 2212", "5307 1044 9921 8875", "6011 8204 1190 3346"),
        ("4929381746502212", "5307104499218875", "371449635398431"),
        ("4929-3817-4650-2212", "5307-1044-9921-8875"),
    ),
    "IBAN_CODE": (("DE12500105170648489890", "GB33BUKB20201555555555"), ("DE12 5001 0517 0648", "GB33 BUKB 2020 1555")),
    "IP_ADDRESS": (("203.0.113.9", "198.51.100.77", "8.8.4.4"), ("2001:db8::7", "2a00:1450:4001::8b")),
    "MAC_ADDRESS": (("00:1b:44:11:3a:b7", "a4:5e:60:f2:09:1c"),),
    "US_SSN": (("078-05-1120", "219-09-9999", "536-22-8716"), ("078051120", "219099999")),
    "DATE_OF_BIRTH": (("1984-03-12", "2001-11-30"), ("12/03/1984", "30/11/2001"), ("12 March 1984", "3 May 2001")),
    "USERNAME": (("jnowak", "mary_l", "okafor88"),),
    "URL": (("https://uni.example/a?b=1", "http://kestrel.test/"),),
    "INTERNAL_NAME": (("Bluebird", "kestrel-7", "db1.corp.test"),),
}

_OTHERS = (_NUMBERS, _TOKENS, ("AB123456C", "850101-1234", "X9912-7"))
"""For every other type."""


def allowed_whole(pattern: Matcher, types: tuple[str, ...]) -> Iterator[str]:
    """The types of which the pattern would allow every finding; without types, of all those that we know."""
    for name in types or (*_SAMPLES, "other"):
        groups = _SAMPLES.get(name, _OTHERS)
        if any(all(pattern.holds_all_of(sample) for sample in group) for group in groups):
            yield name
