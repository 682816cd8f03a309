"""Presidio's recognisers of patterns, with what they throw away kept as weak findings."""

import ipaddress
import re
from collections.abc import Sequence

from presidio_analyzer import PatternRecognizer
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    MedicalLicenseRecognizer,
    NhsRecognizer,
    UsBankRecognizer,
    UsItinRecognizer,
    UsLicenseRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
)
from presidio_analyzer.predefined_recognizers.generic.iban_patterns import regex_per_country


def pattern_recognizers() -> Sequence[PatternRecognizer]:
    """All that the detector asks, the surest first."""
    return (
        EmailRecognizerAnyDomain(),
        CreditCardRecognizerAnyChecksum(),
        IbanRecognizerAnyChecksum(regex_flags=re.DOTALL | re.MULTILINE | re.IGNORECASE),
        UsSsnRecognizerAnyNumber(),
        NhsRecognizer(),
        UsItinRecognizer(),
        MedicalLicenseRecognizer(),
        IpRecognizerOfHosts(),
        MacAddressRecognizer(),
        CryptoRecognizer(),
        UsBankRecognizer(),
        UsLicenseRecognizer(),
        UsPassportRecognizer(),
    )


class EmailRecognizerAnyDomain(EmailRecognizer):
    """E-mail addresses, whatever follows the @."""

    def validate_result(self, pattern_text: str) -> None:
        """No opinion: the pattern's score stands."""


class CreditCardRecognizerAnyChecksum(CreditCardRecognizer):
    """Card numbers, also mistyped ones."""

    def validate_result(self, pattern_text: str) -> bool | None:  # type: ignore[override] # its parent allows None
        """Certain with the right check digit, else as weak as the pattern."""
        return super().validate_result(pattern_text) or None


class IbanRecognizerAnyChecksum(IbanRecognizer):
    """IBANs, also mistyped ones that have their country's form."""

    def validate_result(self, pattern_text: str) -> bool | None:
        """Certain with the right check digits; as weak as the pattern in a country's form; else nothing."""
        verdict = super().validate_result(pattern_text)
        compact = pattern_text.replace(" ", "").replace("-", "").upper()
        form = regex_per_country.get(compact[:2])
        return None if verdict is False and form and re.fullmatch(form, compact) else verdict


class UsSsnRecognizerAnyNumber(UsSsnRecognizer):
    """Numbers written like an SSN, also those that the agency never issued."""

    def invalidate_result(self, pattern_text: str) -> bool:
        """Only mixed separators disprove one: `123-45-6789` in a form stands for somebody's."""
        return len({char for char in pattern_text if char in " .-"}) > 1


class IpRecognizerOfHosts(IpRecognizer):
    """Addresses that some machine may have."""

    def invalidate_result(self, pattern_text: str) -> bool:
        """Loopback and `0.0.0.0` belong to nobody; `1::2` is a slice in Python, and in no network that is given out."""
        if super().invalidate_result(pattern_text):
            return True
        address = ipaddress.ip_interface(pattern_text).ip
        return address.is_loopback or address.is_unspecified or _SLICE.fullmatch(pattern_text) is not None


_SLICE = re.compile(r"[0-9A-Fa-f]{0,2}::[0-9A-Fa-f]{0,4}")
