"""Common given names, and capitalised words that are none. Data only; typed from general knowledge, from no list.

Left out are names that are more often something else: months, flowers, virtues, cities, states, trade marks.
"""

# SIM905 wants a list literal: seven hundred lines of one name each.

GIVEN_NAMES = frozenset(
    """
    aaron abdul abdullah abigail abraham adam adrian agnes agnieszka ahmad ahmed aisha alan alana albert
    alberto alejandra alejandro alessandro alex alexander alexandra alexis alfred ali alice alicia alison
    allison alyssa amanda amelia amina amir amit amy ana anastasia anders andre andrea andreas andrei andrew
    andrzej angela angelica anil anita anjali anke ann anna anne annette annika anthony antonio anya arjun
    arthur arturo ashley ashok astrid audrey aurelie ayesha barbara beatrice beatriz ben benjamin bernadette
    bernard beth bethany betty beverly bhavna bjorn bob bogdan bonnie boris brad bradley brandon brenda
    brendan brett brian bridget britney brittany bruce bruno bryan caitlin caleb calvin cameron camila
    camille carl carla carlos carmen carol caroline carolyn catherine cathy cecilia chad charles charlie
    chen cheryl chiara chloe chris christian christina christine christoph christopher christy chun cindy
    claire clara claudia claudio clement colin colleen connor corey craig cristina curtis cynthia daisuke
    dale damian dan daniel daniela danielle danny darren dave david dawn dean deborah debra deepak denise
    dennis derek diana diane diego dieter dietrich dimitri dmitri dmitry dominic dominik don donald donna
    doris dorothy douglas duncan dylan ebony eddie edgar edith eduardo edward edwin eileen elaine eleanor
    elena eli elisa elise elizabeth ellen elsa emil emilia emily emma emmanuel enrique eric erica erik erika
    erin ernest esteban esther ethan eugene eva evan evelyn fabian farah fatima fatma felipe fernanda
    fernando filip fiona florian frances francesca francesco francis francisco franziska fred frederick
    frederik friedrich fritz gabriel gabriela gabrielle gareth gary gavin geoffrey george gerald gerard
    gerhard gianni gilbert gina giorgio giovanni giulia giuseppe glenn gloria gordon graham greg gregor
    gregory greta guillermo gunther gustavo guy hannah hans harold harriet harry hassan heather hector heidi
    heinrich heinz helen helena helga henri henrik henry herbert herman hiroshi howard hugh hugo hussein ian
    ibrahim igor ilse imran ines ingrid irene irina isaac isabel isabella ismail ivan ivana jacek jack
    jackie jacob jacqueline jacques jaime jakob jakub jamal james jamie jan jane janet janice jared jasmine
    jason javier jay jean jeff jeffrey jen jennifer jenny jeremy jerome jerry jesse jessica jill jim jimmy
    jing joan joanna joanne joao joe joel johan johanna johannes john johnny jon jonas jonathan jorge jose
    josef joseph josephine josh joshua joyce juan juanita judith judy julia julian juliana julie julien
    juliet jun jurgen justin justine kamal karen karim karin karina karl karla kate katherine kathleen
    kathryn kathy katie katrina kavita kayla keith kelly ken kenji kenneth kerry kevin khalid kim kimberly
    klaus konrad kristen kristin kristina krzysztof kumar kurt kyle lakshmi larry lars latoya laura lauren
    laurence laurent lawrence leah lee leila lena leo leon leonard leonardo leslie li liam lilian liliana
    lily linda lindsay lindsey lisa liu liz logan lois lorenzo lori lorraine louis louise luca lucas lucia
    lucy luigi luis luisa lukas luke lydia lynn maciej mahmoud malcolm manfred manuel marc marcel marcia
    marco marcos marcus margaret margarita maria mariam marianne marie marilyn mario marion marjorie marko
    markus marta martha martin martina marvin mary maryam mateo mathew mathias matteo matthew matthias
    maureen maurice mauricio max maximilian maya megan mehmet mei melanie melinda melissa mercedes michael
    michaela michal michel michele michelle miguel mihai mike mikhail milan mina ming miranda miriam
    mitchell mohamed mohammad mohammed moira monica monika mustafa nadia nadine nancy naomi natalia natalie
    natasha nathalie nathan nathaniel neha neil nicholas nick nicola nicolas nicole nigel niklas nikolai
    nina noah noor nora norma norman octavia oksana olaf oleg olga oliver olivia omar oscar oskar otto owen
    pablo paige pamela paola paolo pascal patricia patrick paul paula paulina pauline paulo pavel pedro
    peggy penelope peter petra petros philip philippe phillip phyllis pierre piotr pooja prakash priya qing
    rachel rafael rahul raj rajesh ralph ramesh ramon randall randy raquel rashid raul ravi raymond rebecca
    regina reinhard rekha renate rene ricardo riccardo richard rick rita rob robert roberta roberto robin
    rodrigo roger roland rolf roman ronald rosa rosemary ross roy ruben rudolf rupert russell ruth ryan
    sabine sabrina sally salma sam samantha samir samuel sandeep sandra sanjay santiago sara sarah sasha
    satoshi scott sean sebastian serena sergei sergio seth shane shannon sharon shaun shawn sheila shelley
    sheryl shirley siddharth silke silvia simon simone sofia sonia sonja sophia sophie stacey stacy
    stanislav stefan stefania stefanie stella stephan stephanie stephen steve steven stewart stuart sudha
    sue sunil sunita suresh susan susanne suzanne sven svetlana sylvia tamara tammy tanya tara tariq tatiana
    ted teresa terry theodore theresa thierry thomas tiffany tim timothy tina tobias todd tom tomas tommy
    toni tony tracey tracy travis trevor tricia tyler udo ulrich ulrike ursula usha uwe valentina valerie
    vanessa vera veronica vicki victor vijay vikram vincent vincenzo viola vivian vladimir walter wanda wang
    wayne wei wendy werner wilhelm william winston wolfgang xavier xiao yan yang yasmin yolanda yosef yuki
    yuri yusuf yvette yvonne zachary zahra zainab zara zhang zoe zofia
    """.split()  # noqa: SIM905
)

NOT_NAMES = frozenset(
    """
    a about above account acme address after again all also always american an and any api april are as ask
    at august aunt avenue bank because been before being best between black blue bot british business but by
    call can captain card case center central chapter chief christmas city class client coach code colleague
    colleagues college column committee company contact content corp corporation could country course court
    create customer dad daily data date day dear december department description diary did director do
    doctor does dr each east editor either employee engineer english error even every everyone example
    executive exercise february file find first following for form free french friday friend from full
    general german give given good google grand grandma grandpa great green group guest guests had happy has
    have he health hello help her here hi high him hiring his history home hospital hotel house how however
    html http human i if important in inc indian information instead institute internal international into
    investor is island it its january java javascript job json july june just key know ladies lake landlord
    last law lead let letter life like line linux list llc local long look ltd madam made main major make
    manager many march market may maybe me meeting member message microsoft middle mini mission mom monday
    month more most mount mr mrs ms mum museum music my name national need neighbor neighbour network never
    new news next no north not note nothing november now number october of office officer ok old on once one
    online only open or order other our out over page papa parent parents park part party patient people
    person place plan planet please point policy post president price prime problem product professor
    program project public python question read reader recipe record recruiter red regards report resident
    resources response review right river road sales san santa saturday say school science section security
    senior september service shareholders she should show sincerely sir sister small so social some someone
    something south special spring sql staff state states station status still stop store story street
    student students subject such summer sunday super support sure system table take task teacher team tech
    technical tenant test text than thank thanks that the their them then there these they thing think this
    those three thursday time title to today too top total town trade train trip tuesday two type uncle
    under union unit united university until up update us use user valued version very via video view
    wednesday week welcome well west what when where whether which while white who whom why will windows
    winter with without work world would write year years yes you young your zone
    """.split()  # noqa: SIM905
)
