# ruff: noqa: RUF001 - letters that look like others are the matter
"""Small words that give a language away: first evidence only, before a model is asked.

A foreign sentence of eight words nearly always holds some of them, or letters that English does not have.
"""

import unicodedata

ENGLISH = frozenset(
    """
    the and with that this these those you your yours are were from they them their which what who whose when
    why how would should could have has been being not there here than then into about can will it its if my our
    us but of or she his him an a any some each other such only very please just because while where whether
    between through during before after above below again more most many much few both all every does did
    doesn't don't isn't i'm it's you're i've let make write give find list use using used following new one two
    first get got like know think want need good time people day year work way said says lol im dont gonna u ur
    rt omg thanks thx today love
    """.split()  # noqa: SIM905 - a list of one word a line says no more
)
"""Words that say that a sentence is English. A foreign one holds few of them, by chance: Dutch `of`, Spanish `has`."""

_SEVERAL = frozenset(
    """
    to in is for on at be was by as he do so me we had no over go may see via come man am ve per car ca under de
    sun air ac da non men ee care due ed ce son af fa ten ea na la len ci met ben door sea die en ya se hat al
    pa plus un till mon pro ha sedan le min wake il mi di yo van sub ass sa sam em del ma los wa mu nan sin net
    mo dan ne don tan pre es comment ai pole ga te li dat bet era nu dig eu ez til mar ko va ni ka op ng az fi
    num bi bat um au pie mat las mas lo tu hay ali bin ingen si ta leo av ut ho vid wat von ar sue po ja ak hans
    pe oo za ki du ir os kung kanye par meg kim baa er uu mai her take ate won fun ba ii bus jane ok vec vice
    rat cho mia yang ban yao rang sina nasa fur agar sara ji jo com co of an are most need dont org io vi ton
    ella ada mitt deg ti tha om mint ra den hindi chan ser kay ham cu han bio theo var todo or us how will it
    """.split()  # noqa: SIM905
)
"""Words of several languages, English among them, of names, and of programs: no evidence."""

_BY_LANGUAGE = """
    hello: bitte danke guten hallo bonjour bonsoir merci salut voudrais plaît gracias buenos buenas necesito quiero
        buongiorno buonasera grazie vorrei prego prenotare olá obrigada preciso quero goedemorgen alstublieft bedankt
        graag hej snälla takk venligst kiitos hyvää päivää proszę dziękuję dzień dobry prosím děkuji ďakujem dobrý
        potřebuji kérem köszönöm jó napot rog mulțumesc bună ziua nevoie lütfen teşekkürler merhaba tolong terima
        kasih selamat xin chào cảm ơn salamat kumusta habari asante tafadhali palun aitäh minu prašau ačiū labas lūdzu
        paldies sveiki molim hvala dobar prosim dober lutem faleminderit
    af: aan baie daar dit ek gaan hierdie het hulle jy kan kom maar meer moet nie ons sal vir waar wat weet
    ca: aixo amb aquest aquesta dels els entre fins hem ja mes molt nosaltres només pel però perquè quan què
        seva són tambe té
    cs: ale ani byl byla bylo co jako je jeho jsem jsme jsou kde kdy která které který mezi mi může musí nebo
        není pod podle pouze proto protože pro před při si také tento už velmi více však ze že
    cy: ac ar bod bydd chi dydd ei eich ein gan gyda mae maent mewn nhw nid oedd sydd wedi ydy yn
    da: af alle blev blevet bliver da denne dette dig din du efter eller en er et få hun hvad hvis hvor ikke jeg
        kan kom kun lige meget mig mit nogle når og også om på sig sin skal som til ud var vi vil være
    de: aber als alle am auch auf aus bei beim bin bist bitte das dass deine dem denn des die dieser diese doch
        du durch ein eine einem einen einer eines er es etwas euch für gegen habe haben hat hatte ich ihm ihn
        ihnen ihr ihre ihrer im immer ist jetzt kann kein keine können mehr mein meine mich mir mit muss nach
        nicht noch nur oder schon sehr sein seine sich sie sind soll sollte über um und uns unser unsere unter
        vom von vor wann warum wenn werden wie wieder wir wird wurde wurden zu zum zur zwischen
    eo: ĉi ĉu estas estis kaj kiel kiu kun mia ni por tiu via ŝi
    es: ahora algo antes aquí así aunque cada como con cuando cuál cuándo cómo dónde del desde después donde
        durante ella ellos era eran eres es esa ese eso esta estaba estado estamos estar está están este estos
        esto fue fueron gracias ha había hace hacer han hasta hay hola las les lo los me mi mis mucho muy más
        mientras nada ni nos nosotros nuestra nuestro otra otro para pero poco por porque puede pueden puedes
        qué que quien quiero se sea según ser si sí sido siempre sin sobre son soy su sus también tan tengo
        tiene tienen tiempo todo todos tu un una unas uno unos usted vez y ya yo
    et: aga ei ja kas kes kui kuidas kus ma meie mida mitte mis nad need nii oli olen on oma peab pole sa saab
        selle see siis ta te või väga üks
    eu: baina bat da dago dira dute egin ere eta ez gara hau izan nire oso zen zuen
    fi: ei eivät että he heidän hän hänen ja jo joka jos jotka kanssa kuin kun kuka me mikä minkä minä minun
        missä mitä mukaan koska omat alkaen mutta myös ne niin nyt oli olen olet on ovat ole se sekä sen siitä
        sinä tai tämä tätä te vain voi vielä
    fr: alors après au aucun aussi autre aux avant avec avez avoir avons bien bonjour car ce ceci cela ces cet
        cette ceux chez comme comment d'un d'une dans depuis des deux dit doit donc dont du elle elles en encore
        entre est et étaient était étant être eu eux faire fait faut fois ici il ils j'ai je jusqu l'on leur
        leurs lors lui là ma mais merci mes moi moins mon même ne nos notre nous nouveau on ont ou où par parce
        pas pendant peu peut peuvent plus pour pourquoi près qu'il qu'elle qu'on quand que quel quelle quelles
        quels qui quoi sa sans se selon sera ses seulement si soit son sont sous suis sur ta te tes toi ton
        toujours tous tout toute toutes très tu un une vers veux voir vos votre vous y été
    fy: dat hy ik net oan
    ga: ach agus air ar bhí chuig féin go leis mar níl raibh sé seo sin siad tá
    gd: agus airson chan tha
    gl: alí estou moi non pola polo unha
    ha: amma ba cikin don ga ina kuma mai na ne sun ta ya
    hr: ali bi bila bilo bio da dok gdje ga ih ili iz ja jer je jesam jesmo još kad kada kako kao koja koje koji
        ko li među mi mogu može na nakon ne nego nije nisam nisu njega od ona oni ovaj ovo po pod pre prije sam
        samo se smo šta što su sve svoje ta također taj to tako toga ti u uz već vrlo za zašto
    ht: ak ki kote li mwen nan nou pa pou yo
    hu: a amely az azt azért be csak de ebben egy egyik ez ezt ennek fel hogy hogyan ha is itt kell ki kérem két
        le lehet lesz már meg mert mi mint minden miért most nagyon ne nekem nem nincs ő ők sem és szerint után
        vagy vagyok van volt
    id: ada adalah agar akan aku anda antara apa atau bagaimana bahwa banyak belum bisa dalam dan dapat dari
        dengan di dia hanya harus ia ini itu jika juga kami kamu karena ke kepada kita lagi lebih mereka masih
        memiliki menjadi oleh pada saat saja sangat saya sebagai sebuah secara sedang sekarang semua seperti
        sudah tahun tapi telah tetapi tidak untuk yang
    is: að af ekki en er eru ég fyrir hann hefur hún hvað í með og sem sér það þá þetta þú um var verið við
    it: abbiamo agli ai al alla alle allo anche ancora avere aveva bene che chi ci ciao come con cosa così cui
        da dai dal dalla dalle dei del della delle dello di dopo dove due e ed era erano essere fa fatto fino
        fra già gli grazie ha hanno ho il io la le lei loro lo lui ma mai mi mia mio molto ne negli nei nel
        nella nelle noi non nostra nostro nulla o ogni ora perché perche però per più poi prima prossima
        prossimo può qual quale qualcuno quando quanto quella quello questa questo questi qui sarà se sei sempre
        senza si sia siamo sono sopra stato sta su sua sue sugli sul sulla suo suoi tra tu tua tutti tutto un
        una uno va vi voi è
    ku: di ji jî ku li û xwe
    lb: an ass awer dat dës ech ee een fir gëtt hunn keng mat mir net och op vum wéi zu
    lt: apie ar arba bei bet buvo dar dėl gali ir iš jau jie jis jo jų kad kai kaip kas ką kur labai mano mes
        nėra nes nuo o per po prie savo su šis tai taip tik turi už yra
    lv: ar arī bet bija bijis būs es ir jau jo kā kad kas ko kur ļoti man mēs ne nav no pēc pie savu šis tas
        tiek to un uz vai var viņa viņš vēl
    ms: awak beliau boleh ialah kerana mahu sahaja telah tersebut
    mt: għal il il- kien li minn ta' u x'inhu
    nl: aan als alleen alles bij ben bent daar dan dat deze die dit doen door dus een eens en er gaan geen gaat
        gebruik goed graag haar had heb hebben heeft hem het hier hij hoe hun iets ik in is jaar je jij jouw
        jullie kan kunnen maar meer meest met mij mijn moet moeten naar niet niets nog nu of om omdat ons onze
        ook op over te tegen tot tussen uit van veel voor waar waarom wanneer was wat we weer welke werd werden
        wie wij wil wordt worden zal ze zeer zich zij zijn zo zou
    no: av ble blir bli da de deg den denne det disse du eller en enn er et etter få for fra før gikk ha han
        hans har hun hva hvem hvis hvor hvordan i ikke ingen jeg kan kunne man med meg men mer mitt mye noe noen
        nå når og også om oss på seg selv sin skal skulle slik som så til under ut uten var ved vi vil ville
        være vært år
    pl: ale albo bardzo bez był była było być by co czy czyli dla do gdy gdzie go i ich ja jak jako jego jej
        jest jestem jeszcze już kiedy kto która które który ma mam mi mnie moja może można mój muszę na nad nam
        nas nie niż o od on ona oraz po pod ponieważ przed przez przy są się swoje ta tak także tam te tego tej
        ten to tutaj tylko tym u w we więc wszystko z za ze że żeby
    pt: ainda além algo ao aos apenas aqui as assim até bem cada com como da das de depois desde do dos duas e
        ela ele eles em entre era essa esse esta está estão estava este estou eu fazer foi foram há isso já lhe
        mais mas me mesmo meu minha muito muitos na nas não nem no nos nossa nosso num numa o obrigado onde os
        ou para pela pelo pelos pode podem por porque pra qual quando que quem se seja sem sempre ser seu seus
        si sobre sua suas são também tem tenho ter têm tinha todo todos tudo um uma umas uns vai você vocês
    ro: acest aceasta acesta ai al ale am ar are asta au avea ca când că care ce cel cele cu cum dacă dar de
        decât din după ea ei el este eu fi fie fost iar în între îi îl îmi la le lor lui mai mea meu mi multe
        noi nu o ori pe pentru prin sa să sau se spre sub sunt și ta te toate un una unde unei unui va vor vă
    sk: aby ako ale alebo bol bola bolo by čo iba ich ja je jeho kde keď ktorá ktoré ktorý len má medzi môže na
        nie od pre pri sa si som sú tak tento to už veľmi v viac vo však za zo že
    sl: ali ampak bi bil bila da do ga in iz je jo kaj kako kar ker ki ko kot lahko med mi na ne ni od on pa po
        pri s samo se sem si so sta še tako to tudi v več vse z za zelo že
    so: aan ayaa baa iyo ka ku oo si uu waa waxaa
    sq: dhe do duhet e është që janë jo ka kam ku kur më me mund në një nga nuk për po s' se si te të u unë
    sv: alla allt att av bara bli blir den denna dess det detta dig din du där efter eller en enligt ett från få
        för förlåt genom ha hade han hans har hej hon honom hur här i icke igen ingen inte jag kan kom kommer
        kunde man med mellan men mer mig min mot mycket måste någon några när nu och också om oss på sedan ska
        skulle som så sig sin till under upp ut utan vad var vara vem vi vid vill vilken är åt över
    sw: alikuwa au baada bila cha habari hadi hakuna hii hiyo huo ingawa ili jina kama kati katika kila kitu
        kutoka kuwa kwa kwamba la lakini leo mimi na nani ndani ni nini pamoja pia sana sasa si tu ukweli wa
        wake wakati wangu watu wote ya yake yangu yao yeye za
    tl: aking ako ang ano at ay ba dahil din hindi ito ikaw isang ka kami kanyang kapag kay kaya ko kung lamang
        mga may mo na nang nasa natin ng ngayon ni niya pa para po sa sila siya si tayo upang wala
    tr: ama ancak bana ben beni benim bir biri biz bu bunu çok da daha de değil diye en gibi göre hem her için
        ile ise kadar kim ki mi mı mu ne neden nasıl o olan olarak olduğu oldu olmak olur onlar onu onun sana
        sen şey şu sonra var ve veya ya yok
    uz: bilan bu bo'lgan emas esa ham haqida kerak mening o'z shu uchun va
    vi: anh bạn các cái chị cho có của cũng cùng để đã đang đây đó được em gì hơn không khi là lại làm mà mình
        một nào này ngày người những như nhưng ở phải ra rằng rất sẽ sau tại theo thì tôi trên trong từ và vào
        về với
    xh: kwaye ukuba uku wam
    yo: àwọn fún láti ní nígbà ó pé sí tí wọn
    zu: futhi kanye kodwa kuyo lapho ngoba ngokuthi ukuthi umuntu uma
    """


def _plain(word: str) -> str:
    """As hurried people write it, without accents."""
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


_ALL = frozenset(word for word in _BY_LANGUAGE.split() if word[-1] != ":" and len(word) > 1)

FOREIGN = (_ALL | frozenset(map(_plain, _ALL))) - ENGLISH - _SEVERAL
"""Words that English does not have."""

SHARED = (_ALL | frozenset("aeiouy")) & (_SEVERAL | frozenset("aeiouy"))
"""Words that are common in another language, and not unheard of in English."""
