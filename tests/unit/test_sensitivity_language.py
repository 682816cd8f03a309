# ruff: noqa: RUF001 - letters that look like others are the matter
"""Languages: a clause without a tagger makes a detector give up, and a foreign word does not."""

import time

import pytest

from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.language import HINT_LETTERS, HINTS, Languages
from router.signals.sensitivity.views.view import View

LANGUAGES = Languages()

SENTENCES = {
    "af": "Kan u asseblief die rekening voor Vrydag vir my stuur sodat ek dit betyds kan betaal?",
    "ar": "التقيت أمس بصديقي القديم أحمد في المحطة وشربنا القهوة معا",
    "bg": "Вчера срещнах на гарата стария си приятел Георги и пихме кафе.",
    "ca": "La meva àvia sempre fa un pastís quan anem a veure-la els diumenges.",
    "cs": "Mohl byste mi prosím poslat fakturu do pátku, abych ji stihl zaplatit?",
    "da": "Vi leder efter en større lejlighed, fordi børnene skal have hvert sit værelse.",
    "de": "Unsere Tochter geht seit September in die Grundschule an der Lindenstraße.",
    "el": "Χθες συνάντησα στον σταθμό τον παλιό μου φίλο Νίκο και ήπιαμε καφέ.",
    "es": "Necesito que alguien revise el contrato antes de que lo firme el lunes.",
    "et": "Vanaema küpsetab alati kooki, kui me pühapäeval talle külla läheme.",
    "fi": "Kirjoita lyhyt kirje koululle siitä, että Aino on tänään kipeä.",
    "fr": "Nous avons perdu les clés de la voiture quelque part dans le jardin.",
    "he": "אתמול פגשתי בתחנה את חבר שלי משה ושתינו קפה ביחד",
    "hi": "कल मैं स्टेशन पर अपने पुराने दोस्त राहुल से मिला और हमने चाय पी।",
    "hr": "Moja baka uvijek peče kolače kada joj u nedjelju dođemo u posjet.",
    "hu": "Írj egy rövid levelet az iskolának arról, hogy Zsófi ma beteg.",
    "id": "Tolong tuliskan surat singkat kepada sekolah bahwa Sari sedang sakit hari ini.",
    "it": "Scrivi una lettera al condominio per chiedere di riparare il tetto.",
    "ja": "昨日、駅で古い友人の田中さんに会って、一緒にコーヒーを飲みました。",
    "ko": "어제 역에서 오랜 친구 민수를 만나서 함께 커피를 마셨어요.",
    "lt": "Mano močiutė visada kepa pyragą, kai sekmadienį atvažiuojame pas ją.",
    "lv": "Vai jūs varētu man atsūtīt rēķinu līdz piektdienai, lai es paspētu to samaksāt?",
    "nl": "Schrijf een korte brief aan de huurbaas over de kapotte verwarming.",
    "no": "Bestemor baker alltid vafler når vi kommer på besøk til henne på søndag.",
    "pl": "Szukamy większego mieszkania, ponieważ dzieci potrzebują osobnych pokoi.",
    "pt": "Ontem à noite choveu tanto que a rua ficou completamente alagada.",
    "ro": "Bunica mea face întotdeauna plăcinte când mergem duminica în vizită la ea.",
    "ru": "Вчера я встретил на вокзале старого друга Сергея, и мы выпили кофе.",
    "sk": "Hľadáme väčší byt, pretože deti potrebujú každé svoju vlastnú izbu.",
    "sl": "Babica vedno peče pecivo, ko jo v nedeljo pridemo obiskat.",
    "sv": "Kan du skicka över fakturan till ekonomiavdelningen innan klockan tre?",
    "sw": "Tafadhali nitumie ankara kabla ya siku ya Ijumaa ili niweze kuilipa kwa wakati.",
    "th": "เมื่อวานฉันเจอเพื่อนเก่าชื่อสมชายที่สถานีรถไฟ",
    "tl": "Palaging nagluluto ang lola ko ng sopas kapag dumadalaw kami tuwing Linggo.",
    "tr": "Daha büyük bir daire arıyoruz çünkü çocukların kendi odaları olması lazım.",
    "uk": "Учора я зустрів на вокзалі старого друга Андрія, і ми випили кави.",
    "vi": "Bà tôi luôn nấu phở mỗi khi chúng tôi về thăm vào chủ nhật.",
    "zh": "昨天我在车站遇到了老朋友王伟，我们一起喝了咖啡。",
}


def gives_up(text: str, detector: Languages = LANGUAGES) -> bool:
    """Whether the detector says that nobody can see the names."""
    try:
        assert not tuple(detector.find(View(text)))
    except GaveUpError:
        return True
    return False


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES.keys())
@pytest.mark.parametrize(
    "prompt",
    [
        "{}",
        "Please translate the following message into English and keep it friendly: {}",
        "Summarise this e-mail from a customer.\n\n{}\n\nAnswer in two sentences.",
        "What does '{}' mean?",
        '{{"text": "{}", "lang": null}}',
    ],
)
def test_a_sentence_is_enough(prompt: str, sentence: str) -> None:
    """Alone, after an English request, between English paragraphs, quoted, and in JSON."""
    assert gives_up(prompt.format(sentence))


@pytest.mark.parametrize("sentence", [SENTENCES[code] for code in ("de", "es", "fr", "it", "nl", "pl", "sv", "tr")])
@pytest.mark.parametrize("write", [str.upper, str.lower])
def test_case_says_nothing(write: type[str], sentence: str) -> None:
    """Whoever shouts or whispers speaks the same language."""
    assert gives_up(write(sentence))


@pytest.mark.parametrize(
    "text",
    [
        "Mein Name ist Karl Schulze",
        "Je m'appelle Claire Dubois",
        "Llame a Juan Pérez mañana",
        "Ich wohne in der Hauptstraße 5",
        "меня зовут Иван",
        "我叫王伟",
    ],
)
def test_a_short_text_of_its_own(text: str) -> None:
    """Where there is nothing else, a few words are enough."""
    assert gives_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK",
        "👍👍👍 🎉",
        "Write a short poem about the sea and the moon.",
        "C'est la vie",
        "carpe diem",
        "Chez Pierre is a nice bistro on Rue de la Paix",
        "raison d'être and joie de vivre are French phrases",
        "What does 'guten Tag' mean?",
        "How do I say спасибо or 谢谢 politely?",
        "Café Müller GmbH & Co. KG",
        "Wien, Zürich, Köln, München, Düsseldorf",
        "los angeles and san francisco",
        "The angle α is twice β, and γ + δ = π.",
        "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore",
        "In vitro, in vivo, ad hoc, et al., per se",
        "1, 2, 3, 4, 5\n6, 7, 8, 9, 10",
        "SELECT name FROM users WHERE id = 3 ORDER BY name;",
        "for i in range(10):\n    der = vec[i] * pas\n    print(der)",
        '{"id": 7, "la": [1, 2], "el": {"un": true}}',
        "lol omg so cute haha",
        "(ღ˘⌣˘ღ) ¯\\_(ツ)_/¯",
    ],
)
def test_less_is_no_evidence(text: str) -> None:
    """English, a word, a title, a name, a formula, code, data, a smiley."""
    assert not gives_up(text)


def test_the_cause_names_the_language_and_no_text() -> None:
    """An operator learns which tagger is wanting."""
    with pytest.raises(GaveUpError) as german:
        LANGUAGES.find(View(SENTENCES["de"]))
    with pytest.raises(GaveUpError) as russian:
        LANGUAGES.find(View(SENTENCES["ru"]))
    assert german.value.kind == "names in de: no tagger"
    assert russian.value.kind == "names in Cyrillic: no tagger"


def test_a_language_with_a_tagger_is_no_cause() -> None:
    """Only what no tagger reads makes it give up, in Latin script and in others."""
    detector = Languages(with_tagger=frozenset({"en", "de", "ru"}))
    assert not gives_up(SENTENCES["de"], detector)
    assert not gives_up(SENTENCES["ru"], detector)
    assert gives_up(SENTENCES["fr"], detector)
    assert gives_up(SENTENCES["zh"], detector)


def test_other_readings_are_no_language() -> None:
    """What a text says backwards, or with letters for digits, is not in Polish."""
    assert not tuple(LANGUAGES.find(View(SENTENCES["pl"], "reversed")))


def test_it_trusts_the_gate() -> None:
    """Without a foreign letter and a foreign word there is nothing to read."""
    assert not tuple(LANGUAGES.find(View(SENTENCES["de"], hints=frozenset())))
    with pytest.raises(GaveUpError):
        LANGUAGES.find(View(SENTENCES["de"], hints=frozenset({HINT_LETTERS})))
    assert set(HINTS) == {"language_letters", "language_words"}


@pytest.mark.parametrize("text", ["é" * 100_000, "der, " * 20_000, "a.b " * 25_000, "\n" * 100_000, "'" * 100_000])
def test_it_takes_linear_time(text: str) -> None:
    """No text of a hundred thousand characters takes long."""
    started = time.process_time()
    gives_up(text)
    assert time.process_time() - started < 3
