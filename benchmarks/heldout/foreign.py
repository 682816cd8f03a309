"""Texts in other languages, with and without somebody in them, and English ones with a few foreign words.

A language without a tagger cannot be judged for names, so a text in one is expected to be `unknown`, or worse.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from people import person
from values import value

# language: sentences without anybody | a sentence with {p} | a sentence with {v}
_TEXTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "german": (("Schreibe bitte eine kurze Zusammenfassung über die Geschichte der Windmühlen an der Küste.",
                "Wie lange muss ein Kuchen mit Äpfeln und Zimt ungefähr im Ofen bleiben, damit er saftig wird?"),
               ("Bitte schreibe eine Einladung an {p}, die nächste Woche bei uns im Büro anfängt.",),
               ("Der Kunde hat sich gestern beschwert, seine Nummer ist {v}, bitte antworte ihm freundlich.",)),
    "french": (("Peux-tu expliquer pourquoi les feuilles des arbres changent de couleur pendant l'automne ?",
                "Écris une recette simple pour préparer une soupe de légumes pour toute la famille."),
               ("Rédige un message pour remercier {p} de son aide pendant le déménagement de la semaine dernière.",),
               ("Le client demande un remboursement et son numéro est {v}, rédige une réponse polie.",)),
    "spanish": (("Explica por favor cómo se forman las olas del mar y por qué algunas son más altas que otras.",
                 "Escribe una lista de ideas para celebrar una fiesta en el jardín cuando hace buen tiempo."),
                ("Escribe una carta para {p} porque no podrá venir a la reunión del próximo jueves.",),
                ("Mi hermana perdió su tarjeta, el número era {v}, qué tenemos que hacer ahora?",)),
    "portuguese": (("Explique por que o céu fica vermelho ao pôr do sol, usando palavras simples para crianças.",),
                   ("Escreva um convite para {p}, que começa a trabalhar conosco na próxima segunda-feira.",),
                   ("O cliente reclamou ontem e o número dele é {v}, escreva uma resposta educada.",)),
    "italian": (("Scrivi una breve storia su un gatto che vive in una vecchia libreria del centro.",),
                ("Scrivi un messaggio di auguri per {p} che compie quarant'anni la prossima settimana.",),
                ("Il cliente ha chiamato stamattina, il suo numero è {v}, rispondi con gentilezza.",)),
    "dutch": (("Leg uit waarom de zee zout is en de rivieren niet, in woorden die een kind begrijpt.",),
              ("Schrijf een bedankbrief aan {p} voor de hulp bij het schilderen van onze keuken.",),
              ("De klant belde gisteren, zijn nummer is {v}, schrijf een vriendelijk antwoord.",)),
    "polish": (("Napisz krótkie opowiadanie o starym latarniku, który codziennie zapala światło nad morzem.",),
               ("Napisz zaproszenie dla {p} na spotkanie zespołu w przyszły czwartek po południu.",),
               ("Klient prosi o zwrot pieniędzy, jego numer to {v}, odpowiedz uprzejmie.",)),
    "swedish": (("Förklara varför löven blir gula på hösten och varför vissa träd är gröna hela året.",),
                ("Skriv ett tackbrev till {p} som hjälpte oss med flytten förra veckan.",),
                ("Kunden ringde i går och numret är {v}, skriv ett vänligt svar.",)),
    "danish": (("Forklar hvorfor havet er salt, og hvorfor floderne ikke er det, så et barn kan forstå det.",),
               ("Skriv en invitation til {p}, som begynder hos os på mandag.",), ("Kunden ringede i går, nummeret er {v}, skriv et svar.",)),
    "finnish": (("Selitä lyhyesti miksi meri on suolainen ja miksi järvet eivät yleensä ole.",),
                ("Kirjoita kutsu henkilölle {p}, joka aloittaa meillä ensi maanantaina.",), ("Asiakas soitti eilen, numero on {v}, vastaa kohteliaasti.",)),
    "czech": (("Vysvětli prosím, proč je nebe modré a proč je při západu slunce červené.",),
              ("Napiš pozvánku pro {p} na schůzku příští čtvrtek odpoledne.",), ("Zákazník volal včera, jeho číslo je {v}, odpověz zdvořile.",)),
    "hungarian": (("Magyarázd el röviden, miért sós a tenger, és miért nem sósak a folyók.",),
                  ("Írj egy meghívót {p} részére a jövő heti megbeszélésre.",), ("Az ügyfél tegnap hívott, a száma {v}, válaszolj udvariasan.",)),
    "romanian": (("Explică pe scurt de ce marea este sărată și de ce râurile nu sunt.",),
                 ("Scrie o invitație pentru {p} la ședința de săptămâna viitoare.",), ("Clientul a sunat ieri, numărul lui este {v}, răspunde politicos.",)),
    "turkish": (("Denizin neden tuzlu olduğunu ve nehirlerin neden tuzlu olmadığını kısaca açıkla.",),
                ("Gelecek hafta aramıza katılacak olan {p} için bir davet mektubu yaz.",), ("Müşteri dün aradı, numarası {v}, kibarca cevap yaz.",)),
    "indonesian": (("Jelaskan mengapa air laut terasa asin dan mengapa air sungai tidak asin sama sekali.",),
                   ("Tulis undangan untuk {p} yang akan mulai bekerja bersama kami minggu depan.",), ("Pelanggan menelepon kemarin, nomornya {v}, tulis balasan yang sopan.",)),
    "vietnamese": (("Hãy giải thích ngắn gọn tại sao nước biển mặn còn nước sông thì không.",),
                   ("Viết thư mời cho {p} tham dự cuộc họp vào thứ năm tuần sau.",), ("Khách hàng đã gọi hôm qua, số của họ là {v}, hãy trả lời lịch sự.",)),
    "russian": (("Объясни простыми словами, почему море солёное, а реки нет, и откуда берётся соль.",),
                ("Напиши приглашение для Светланы Морозовой на встречу в следующий четверг.",), ("Клиент звонил вчера, его номер {v}, ответь вежливо.",)),
    "ukrainian": (("Поясни простими словами, чому море солоне, а річки ні, і звідки береться сіль.",),
                  ("Напиши запрошення для Оксани Мельник на зустріч наступного четверга.",), ("Клієнт телефонував учора, його номер {v}, дай відповідь.",)),
    "greek": (("Εξήγησε με απλά λόγια γιατί η θάλασσα είναι αλμυρή και τα ποτάμια δεν είναι.",),
              ("Γράψε μια πρόσκληση για την Ελένη Παπαδοπούλου για την επόμενη Πέμπτη.",), ("Ο πελάτης τηλεφώνησε χθες, ο αριθμός του είναι {v}.",)),
    "arabic": (("اشرح بكلمات بسيطة لماذا ماء البحر مالح بينما ماء الأنهار ليس مالحا.",),
               ("اكتب دعوة إلى السيدة ليلى الحداد لحضور الاجتماع يوم الخميس القادم.",), ("اتصل العميل أمس ورقمه {v} اكتب ردا مهذبا.",)),
    "hebrew": (("הסבר במילים פשוטות מדוע מי הים מלוחים ומי הנהרות אינם מלוחים.",),
               ("כתוב הזמנה לנועם מזרחי לפגישה ביום חמישי הבא אחר הצהריים.",), ("הלקוח התקשר אתמול והמספר שלו הוא {v}.",)),
    "hindi": (("सरल शब्दों में समझाइए कि समुद्र का पानी खारा क्यों होता है और नदियों का क्यों नहीं।",),
              ("अगले सप्ताह की बैठक के लिए सुनीता अग्रवाल को निमंत्रण लिखिए।",), ("ग्राहक ने कल फोन किया, उसका नंबर {v} है।",)),
    "chinese": (("请用简单的话解释为什么海水是咸的而河水不是咸的，并举一个例子。",), ("请给张晓明写一封邀请信，请他下周四来参加会议。",), ("客户昨天打来电话，号码是{v}，请礼貌地回复。",)),
    "japanese": (("海の水がなぜ塩辛いのか、川の水はなぜそうでないのか、簡単に説明してください。",), ("来週の会議について田中さくらさんに招待状を書いてください。",), ("昨日お客様から電話があり、番号は{v}です。",)),
    "korean": (("바닷물은 왜 짜고 강물은 왜 짜지 않은지 쉬운 말로 설명해 주세요.",), ("다음 주 회의에 김민준 씨를 초대하는 글을 써 주세요.",), ("고객이 어제 전화했고 번호는 {v} 입니다.",)),
    "thai": (("ช่วยอธิบายง่ายๆ ว่าทำไมน้ำทะเลถึงเค็มแต่น้ำในแม่น้ำไม่เค็ม",), ("เขียนจดหมายเชิญคุณสมชาย ศรีสุข มาประชุมวันพฤหัสหน้า",), ("ลูกค้าโทรมาเมื่อวาน หมายเลขคือ {v}",)),
}  # fmt: skip

_FEW_WORDS = """
What does the French expression "je ne sais quoi" mean?
Translate "Guten Morgen" into English.
Our café serves crème brûlée and piña colada. Write a menu line.
Who wrote "La vie en rose", and in which year?
What is the difference between "ser" and "estar"?
The word 海 means sea. Give two words that contain it.
Is Schadenfreude used in English?
Use "déjà vu" in a sentence.
Which dish is sauerbraten, and what goes with it?
How do you pronounce "quesadilla"?
Explain the motto "Liberté, égalité, fraternité".
What does "Привет" mean?
Name three words that came from Arabic, such as algebra.
The song "99 Luftballons": what is it about?
Fill in: "Hasta la ____, baby."
A tea called 龙井: what is it?
"""
MIXED = "Translate the following into English and keep the tone:\n\n{text}"


def foreign(seed: int) -> Iterator[dict[str, Any]]:
    """Plain, with a name, with a number; alone and below an English instruction."""
    for language, (nobody, named, numbered) in _TEXTS.items():
        rng = Random(f"{seed} {language}")
        for mixed in (False, True):
            for text in nobody:
                yield _row(text, language, mixed, kind="nobody", level="unknown")
            for text in named * 2:
                yield _row(text.replace("{p}", person(rng).full), language, mixed, kind="name", types=["PERSON"])
            for text in numbered * 2:
                kind = rng.choice(("PHONE", "CARD", "EMAIL", "IBAN"))
                yield _row(text.replace("{v}", value(rng, kind)), language, mixed, kind="number", types=[kind])
    for number, line in enumerate(_FEW_WORDS.strip().split("\n")):
        yield {"text": line, "types": [], "source": "clean few foreign words", "template": f"few-{number}"}


def _row(text: str, language: str, mixed: bool, *, kind: str, **truth: Any) -> dict[str, Any]:  # noqa: FBT001
    whole = MIXED.replace("{text}", text) if mixed else text
    label = f"foreign {kind}{' below English' if mixed else ''}"
    return {"text": whole, **truth, "source": label, "template": f"{language} {kind}"}
