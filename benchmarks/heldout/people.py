"""Names and addresses of many cultures: given and family names in their own order, written down by hand."""

from random import Random
from typing import NamedTuple


class Person(NamedTuple):
    """A person as a text names one."""

    full: str
    given: str
    family: str
    culture: str


# culture: given names | family names | form of the full name
_NAMES: dict[str, tuple[str, str, str]] = {
    "yoruba": ("Oluwaseun Adunni Babatunde Folasade Temitope Ayodele Olufunke Kehinde Taiwo Damilola",
               "Adeyemi Ogunleye Olatunji Akinwande Fasanya Oyelaran Balogun Adebisi", "{g} {f}"),
    "igbo": ("Chukwuemeka Ngozi Obinna Adaeze Ikenna Chiamaka Uzoma Nkechi Kelechi Ifeoma",
             "Okonkwo Nwosu Eze Okafor Onyekachi Umeh Anyanwu Ezeudu", "{g} {f}"),
    "akan": ("Kwame Ama Kofi Abena Yaw Akosua Kojo Efua Kwabena Adwoa", "Mensah Owusu Boateng Asante Ofori Amponsah", "{g} {f}"),
    "zulu": ("Nokuthula Sipho Thandeka Mandla Zanele Bongani Lindiwe Themba", "Mthembu Dlamini Khumalo Ndlovu Zungu Buthelezi", "{g} {f}"),
    "swahili": ("Baraka Neema Juma Rehema Zawadi Salim Mwajuma Hamisi", "Mwangi Otieno Kamau Wanjiru Kiplagat Mrisho", "{g} {f}"),
    "amharic": ("Tadesse Hiwot Bekele Selamawit Dawit Tigist Getachew Meseret", "Worku Desta Alemu Girma Tesfaye Haile", "{g} {f}"),
    "somali": ("Abdirahman Hodan Liban Fadumo Cabdi Ayaan", "Warsame Guled Farah Jama Nuur", "{g} {f}"),
    "maghreb": ("Yassine Khadija Rachid Naima Mehdi Samira", "Benjelloun El-Amrani Bouazza Belkacem Ouahbi Zerhouni", "{g} {f}"),
    "levant": ("Yusra Nabil Rima Fadi Lamia Ghassan Hanan Tarek", "Haddad Khoury al-Masri Shehadeh Abu-Rashid Qasim", "{g} {f}"),
    "gulf": ("Faisal Latifa Sultan Maitha Khalid Noura", "bin Rashid|Al Mansoori|Al Hashimi|Al Zaabi|Al-Otaibi|bin Saeed", "{g} {f}"),
    "persian": ("Shirin Dariush Niloufar Kaveh Parisa Behrouz", "Tehrani Rostami Farahani Moradi Jahangiri Kazemi", "{g} {f}"),
    "turkish": ("Zeynep Emre Elif Kerem Ayşe Burak Çiğdem Oğuz", "Yıldız Kaya Demirtaş Şahin Öztürk Aydın", "{g} {f}"),
    "hindi": ("Dinesh Kavita Rohan Sunita Vikram Meenakshi Ashok Pooja", "Raghavan Deshmukh Chaturvedi Bhattacharya Agarwal Saxena", "{g} {f}"),
    "tamil": ("Senthil Malarvizhi Karthikeyan Yamini Arulmozhi Thenmozhi", "Subramanian Murugan Sivakumar Natarajan", "{i}. {g} {f}"),
    "punjabi": ("Harpreet Gurpreet Jaswinder Manpreet Balwinder", "Singh|Kaur|Dhaliwal|Sandhu|Grewal|Gill", "{g} {f}"),
    "bengali": ("Anirban Moushumi Debashish Sharmistha Tahmina Rafiqul", "Chakraborty Mukherjee Rahman Sarkar Hossain Ganguly", "{g} {f}"),
    "urdu": ("Bilal Ayesha Hamza Sadia Usman Zainab", "Qureshi Chaudhry Siddiqui Mirza Baig Rizvi", "{g} {f}"),
    "sinhala": ("Nuwan Dilani Chaminda Sanduni", "Wickramasinghe Jayawardena Rajapaksha Gunasekara", "{g} {f}"),
    "nepali": ("Bishal Sabina Prakash Sushmita", "Shrestha Gurung Tamang Adhikari", "{g} {f}"),
    "chinese": ("Xiaoming Lihua Weijie Yuxin Jianguo Meiling Zhihao Qiuyan", "Zhang Liu Ouyang Xu Huang Zhou Guo", "{f} {g}"),
    "chinese western": ("Jianhong Meifen Zhiwei Yuting Haoran", "Tan Lim Wong Cheung Kwok Ng", "{g} {f}"),
    "japanese": ("Haruki Sakura Kenji Yoko Takumi Ayumi Shohei Mizuki", "Tanaka Kobayashi Watanabe Shimizu Fujimoto Ogawa", "{g} {f}"),
    "japanese own order": ("Daisuke Naomi Ryota Emiko", "Matsumoto Hasegawa Nishimura Ueda", "{f} {g}"),
    "korean": ("Min-jun Seo-yeon Ji-hoon Hye-jin Dong-hyun Eun-ji", "Kim Park Choi Jeong Kang Yoon", "{f} {g}"),
    "vietnamese": ("Thi Mai|Van Hung|Minh Tuan|Thi Huong|Quoc Bao|Ngoc Anh", "Nguyen Tran Pham Vo Dang Bui", "{f} {g}"),
    "thai": ("Somchai Kanokwan Nattapong Siriporn", "Srisuk Chaiyasit Wongsawat Thongchai", "{g} {f}"),
    "indonesian": ("Budi Siti Agus Dewi Wahyu Ratna", "Santoso Wijaya Nugroho Lestari Hidayat Pangestu", "{g} {f}"),
    "malay": ("Ahmad Nurul Faizal Siti Hakim Aminah", "bin Abdullah|binti Ismail|bin Osman|binti Hassan", "{g} {f}"),
    "filipino": ("Jhonel Maricel Rodel Luzviminda Arnel", "Dimaculangan Macaraeg Pangilinan Batungbakal", "{g} {f}"),
    "hawaiian": ("Keala Leilani Kaimana Nohea Makoa", "Kahale Kealoha Nakamura Kamaka", "{g} {f}"),
    "maori": ("Aroha Wiremu Ngaire Tama Hinemoa", "Parata Ngata Tawhiri Rangihuna", "{g} {f}"),
    "samoan": ("Sione Tavita Lupe Malia", "Tuilagi Faleolo Leota Tuiasosopo", "{g} {f}"),
    "russian": ("Dmitri Svetlana Arkady Yulia Grigory Ksenia", "Petrov|Volkova|Sokolov|Kuznetsova|Morozov", "{g} {f}"),
    "russian patronymic": ("Alexei Boris Gennady Lev", "Ivanovich Smirnov|Pavlovich Lebedev|Olegovich Gusev", "{g} {f}"),
    "russian patronymic, her": ("Natalia Irina Zoya Vera", "Sergeevna Orlova|Andreevna Belova|Petrovna Titova", "{g} {f}"),
    "ukrainian": ("Oksana Taras Bohdan Larysa", "Shevchenko Kovalenko Hrytsenko Melnyk", "{g} {f}"),
    "polish": ("Jolanta Tomasz Łucja Zbigniew Grażyna Wojciech", "Kowalczyk Zieliński Wiśniewska Szczepaniak Dąbrowski", "{g} {f}"),
    "czech": ("Václav Hana Zdeněk Jiřina", "Dvořák Novotná Procházka Svobodová", "{g} {f}"),
    "hungarian": ("Balázs Zsófia István Réka", "Szabó Horváth Kovács Németh", "{f} {g}"),
    "romanian": ("Bogdan Ileana Mihai Oana", "Popescu Ionescu Dumitru Munteanu", "{g} {f}"),
    "balkan": ("Dragana Goran Milica Zoran Ivana", "Jovanović Horvat Petrović Marković Stojanovski", "{g} {f}"),
    "greek": ("Stavros Eleni Dimitrios Katerina", "Papadopoulos Georgiou Nikolaidis Karamanlis", "{g} {f}"),
    "albanian": ("Arben Besa Ilir Teuta", "Hoxha Krasniqi Berisha Gashi", "{g} {f}"),
    "finnish": ("Aino Jukka Päivi Timo", "Virtanen Korhonen Mäkinen Hämäläinen", "{g} {f}"),
    "swedish": ("Arvid Ingrid Göran Elsa", "Lindqvist Bergström Åkesson Sjöberg", "{g} {f}"),
    "icelandic": ("Guðrún Jón Sigríður Ólafur", "Jónsdóttir Sigurðsson Gunnarsdóttir Magnússon", "{g} {f}"),
    "danish": ("Søren Mette Jens Kirsten", "Kjærgaard Mikkelsen Østergaard Thomsen", "{g} {f}"),
    "dutch": ("Bram Marit Sjoerd Femke", "Visser|de Vries|van den Berg|van der Meulen|Dekker|ter Horst", "{g} {f}"),
    "german": ("Jürgen Heike Detlef Anneliese", "Schröder Müller von Hohenfels Zimmermann Krüger", "{g} {f}"),
    "french": ("Thibault Maëlle Étienne Solène Jean-Baptiste", "Lefèvre Dubois de La Rochefontaine Garnier", "{g} {f}"),
    "spanish": ("Íñigo María-José Rocío Gonzalo Nuria", "García Márquez|Fernández Ruiz|de la Fuente|Ortega y Sanz", "{g} {f}"),
    "latin american": ("Ximena Yadira Wilmer Fernanda Osvaldo", "Quispe Mamani|Restrepo Uribe|Villanueva|Huamán", "{g} {f}"),
    "brazilian": ("Mateus Thaís Wellington Jussara", "Teixeira|da Silva Santos|dos Reis|Figueira", "{g} {f}"),
    "italian": ("Giancarlo Chiara Niccolò Ornella", "Esposito|Di Bartolomeo|Bianchi|De Luca", "{g} {f}"),
    "irish": ("Siobhán Cormac Aoife Diarmuid", "O'Gallagher Ó Súilleabháin McGrath Ni Chonaill", "{g} {f}"),
    "welsh": ("Rhiannon Gethin Eirlys Dafydd", "Llewellyn ap Rhys Pritchard Morgan", "{g} {f}"),
    "hebrew": ("Avigail Noam Shlomo Tzipporah", "Ben-David Mizrahi Katzenelson Peretz", "{g} {f}"),
    "armenian": ("Hovhannes Anahit Gevorg Siranush", "Petrosyan Harutyunyan Sargsyan Mkrtchyan", "{g} {f}"),
    "georgian": ("Giorgi Nino Zurab Ketevan", "Kvaratskhelia Japaridze Beridze Lomidze", "{g} {f}"),
    "kazakh": ("Aigerim Nursultan Daniyar Aliya", "Bekmukhambetov Sadykova Tulegenov", "{g} {f}"),
    "american": ("Brandon Kayleigh Tyrone Madison Earl Latoya", "Whitaker Hutchinson Jefferson Mayfield Delacroix-Boone", "{g} {f}"),
    "english": ("Nigel Philippa Rupert Gemma Alistair", "Featherstonehaugh Cholmondeley Barraclough Thistlewood", "{g} {f}"),
    "word-like": ("Grace Will Hope Mark Rose Chase Summer Bill Joy Frank", "Baker Brown Young Page Price Rich Field Stone Banks Cook", "{g} {f}"),
    "initials": ("J. R.|A.|M. T.|K.|P. J.", "Holloway Ferreira Oyelowo Bhatt Szymanski", "{g} {f}"),
}  # fmt: skip


def person(rng: Random) -> Person:
    """Somebody of some culture."""
    culture = rng.choice(sorted(_NAMES))
    givens, families, form = _NAMES[culture]
    given, family = rng.choice(_listed(givens)), rng.choice(_listed(families))
    full = form.format(g=given, f=family, i=rng.choice("KSRMVP"))
    return Person(full, given, family.split()[-1], culture)


def _listed(names: str) -> list[str]:
    return names.split("|") if "|" in names else [*_with_particles(names.split())]


def _with_particles(words: list[str]) -> list[str]:
    """`von Hohenfels` and `Ó Súilleabháin` are one name."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].split()[-1] in ("von", "de", "La", "Ó", "Ni", "ap", "ter"):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


_STREETS = (
    ("{n} {w} {t}, {us}, {st} {zip}", "us"),
    ("{n} {w} {t} Apt {k}, {us}, {st} {zip}", "us"),
    ("{n} {w} Road, {uk} {ukzip}", "uk"),
    ("Flat {k}, {n} {w} Crescent, {uk} {ukzip}", "uk"),
    ("{w2}straße {n}, {dezip} {de}", "de"),
    ("{n} rue {fr}, {frzip} {frcity}", "fr"),
    ("Calle {es} {n}, {eszip} {escity}", "es"),
    ("Via {it} {n}, {itzip} {itcity}", "it"),
    ("ul. {pl} {n}/{k}, {plzip} {plcity}", "pl"),
    ("{w2}weg {n}, {nlzip} {nlcity}", "nl"),
    ("Rua {br}, {n}, {brcity}, {brzip}", "br"),
    ("{n}, {ind} Nagar, {indcity} {indzip}", "in"),
    ("{k}-{k}-{k} {jp}, {jpcity} {jpzip}", "jp"),
    ("Blk {n} {sg} Avenue {k} #0{k}-{n}, Singapore {sgzip}", "sg"),
    ("{n} {w} Street, {au} {austate} {auzip}", "au"),
    ("P.O. Box {zip}, {us}, {st}", "us"),
    ("{n}-{k} {w} {t}, {ca} {cazip}", "ca"),
    ("Plot {n}, {ng} Close, {ngcity}", "ng"),
    ("No. {n} Jalan {my} {k}, {myzip} {mycity}", "my"),
    ("{n} {za} Road, {zacity}, {auzip}", "za"),
    ("{tr} Sokak No:{n} D:{k}, {trcity}", "tr"),
    ("{n} Đường {vn}, Quận {k}, {vncity}", "vn"),
)
_PARTS = {
    "w": "Alder Hawthorn Quarry Mulberry Pemberton Larkspur Kestrel Orchard Windmill Saltmarsh Birchwood Coppermill Foxglove",
    "t": "Lane|Street|Avenue|Drive|Court|Blvd|St|Ave|Rd", "us": "Dayton|Tulsa|Bend|Savannah|Fargo|Duluth|Reno|Topeka",
    "st": "OH OK OR GA ND MN NV KS", "uk": "Leeds|Norwich|Swansea|Dundee|Exeter|Hull", "w2": "Ahorn Linden Mühlen Garten Bahnhof Kirch",
    "de": "Bremen|Kassel|Augsburg|Rostock|Jena", "fr": "de la Paix|Victor Hugo|des Lilas|du Moulin|Pasteur",
    "frcity": "Nantes|Lille|Dijon|Grenoble", "es": "Mayor|de Alcalá|del Sol|San Juan", "escity": "Zaragoza|Murcia|Gijón",
    "it": "Garibaldi|dei Mille|San Marco|Verdi", "itcity": "Parma|Bari|Trieste", "pl": "Mickiewicza|Długa|Polna|Ogrodowa",
    "plcity": "Gdańsk|Łódź|Lublin", "nlcity": "Utrecht|Zwolle|Leiden", "br": "das Flores|Tiradentes|XV de Novembro",
    "brcity": "Curitiba|Recife|Belém", "ind": "Gandhi|Lajpat|Anna|Rajiv", "indcity": "Chennai|Pune|Lucknow|Kochi",
    "jp": "Minami-Aoyama|Honmachi|Kitazawa", "jpcity": "Sendai|Kobe|Nagoya", "sg": "Bedok North|Ang Mo Kio|Toa Payoh",
    "au": "Geelong|Hobart|Cairns", "austate": "VIC TAS QLD", "ca": "Halifax NS|Regina SK|Victoria BC",
    "ng": "Adeola|Bourdillon|Awolowo", "ngcity": "Lagos|Ibadan|Abuja", "my": "Ampang|Bukit|Merdeka", "mycity": "Ipoh|Melaka",
    "za": "Umhlanga|Jan Smuts|Long", "zacity": "Durban|Gqeberha", "tr": "Çiçek|Lale|Gül", "trcity": "Izmir|Bursa",
    "vn": "Lê Lợi|Trần Hưng Đạo", "vncity": "TP. Hồ Chí Minh|Hà Nội",
}  # fmt: skip


def address(rng: Random) -> tuple[str, str]:
    """A postal address on one line, and its country."""
    form, country = rng.choice(_STREETS)
    numbers = {
        "n": lambda: str(rng.randint(1, 980)), "k": lambda: str(rng.randint(1, 19)), "zip": lambda: f"{rng.randint(10001, 99950)}",
        "ukzip": lambda: f"{rng.choice(('LS', 'NR', 'SA', 'DD', 'EX', 'HU'))}{rng.randint(1, 19)} {rng.randint(1, 9)}{rng.choice('ABDEFG')}{rng.choice('HJLNPQ')}",
        "dezip": lambda: f"{rng.randint(10115, 99998)}", "frzip": lambda: f"{rng.randint(1000, 95999):05}", "eszip": lambda: f"{rng.randint(1001, 52999):05}",
        "itzip": lambda: f"{rng.randint(10, 98168):05}", "plzip": lambda: f"{rng.randint(10, 99)}-{rng.randint(100, 999)}",
        "nlzip": lambda: f"{rng.randint(1000, 9999)} {rng.choice('ABCDEGHJ')}{rng.choice('KLMNPRST')}",
        "brzip": lambda: f"{rng.randint(10000, 99999)}-{rng.randint(100, 999)}", "indzip": lambda: f"{rng.randint(110001, 855117)}",
        "jpzip": lambda: f"{rng.randint(100, 999)}-{rng.randint(1000, 9999)}", "sgzip": lambda: f"{rng.randint(100000, 829999)}",
        "auzip": lambda: f"{rng.randint(2000, 7999)}", "cazip": lambda: f"{rng.choice('BSV')}{rng.randint(1, 9)}{rng.choice('AHJ')} {rng.randint(1, 9)}{rng.choice('KLM')}{rng.randint(1, 9)}",
        "myzip": lambda: f"{rng.randint(10000, 98859)}",
    }  # fmt: skip
    out = form
    while "{" in out:
        start, end = out.index("{"), out.index("}")
        key = out[start + 1 : end]
        filled = numbers[key]() if key in numbers else rng.choice(_listed(_PARTS[key]))
        out = out[:start] + filled + out[end + 1 :]
    return out, country
