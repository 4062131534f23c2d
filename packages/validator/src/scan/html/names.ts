import { words } from '../../text/chars.ts'

/** Elements that run, load or submit something by themselves, or change how what follows is read. */
export const ACTIVE_ELEMENTS = words(
  `script iframe frame frameset object embed applet meta link base form input button textarea select option isindex svg math style img image video audio source track body html head
  title bgsound layer ilayer xml xss template portal marquee details dialog keygen noscript plaintext listing xmp noembed noframes foreignobject animate animatemotion animatetransform
  set use desc handler import event-source param slot menu menuitem command canvas map area fencedframe xsl:stylesheet xi:include`,
)

/** The other elements of HTML. */
export const PLAIN_ELEMENTS = words(
  `a abbr acronym address article aside b basefont bdi bdo big blink blockquote br caption center cite code col colgroup content data datalist dd del dfn dir div dl dt em fieldset
  figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i ins kbd label legend li main mark meter multicol nav nextid nobr ol optgroup output p picture pre progress q rb rp rt
  rtc ruby s samp search section shadow small spacer span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr element circle rect path line polygon polyline ellipse text tspan g defs stop symbol view a:href filter mask pattern stylesheet scripting public method property`,
)

/** Names of event handlers without `on`. */
export const EVENTS = words(
  `abort activate afterprint afterscriptexecute afterupdate animationcancel animationend animationiteration animationstart auxclick beforeactivate beforecopy beforecut beforedeactivate
  beforeeditfocus beforeinput beforematch beforepaste beforeprint beforescriptexecute beforetoggle beforeunload beforeupdate begin blur bounce cancel canplay canplaythrough cellchange
  change click close contentvisibilityautostatechange contextmenu controlselect copy cuechange cut dataavailable datasetchanged datasetcomplete dblclick deactivate drag dragdrop dragend
  dragenter dragexit dragleave dragover dragstart drop durationchange emptied end ended error errorupdate filterchange finish focus focusin focusout formchange formdata forminput
  fullscreenchange fullscreenerror gesturechange gestureend gesturestart gotpointercapture hashchange help input invalid keydown keypress keyup languagechange layoutcomplete load
  loadeddata loadedmetadata loadend loadstart losecapture lostpointercapture mediacomplete mediaerror message messageerror mousedown mouseenter mouseleave mousemove mouseout mouseover
  mouseup mousewheel move moveend movestart offline online open orientationchange outofsync overflow page pagehide pagereveal pageshow pageswap paste pause play playing pointercancel
  pointerdown pointerenter pointerleave pointermove pointerout pointerover pointerrawupdate pointerup popstate progress propertychange ratechange readystatechange redraw
  repeat repeatevent reset resize resizeend resizestart resume reverse rowdelete rowenter rowexit rowinserted rowsdelete rowsinserted scroll scrollend scrollsnapchange
  scrollsnapchanging search securitypolicyviolation seek seeked seeking select selectionchange selectstart show slotchange stalled start stop storage submit suspend synchrestored
  syncrestored timeerror timeupdate toggle touchcancel touchend touchmove touchstart trackchange transitioncancel transitionend transitionrun transitionstart underflow undo unhandledrejection unload
  urlflip volumechange waiting webkitanimationend webkitanimationiteration webkitanimationstart webkitmouseforcechanged webkitmouseforcedown webkitmouseforceup
  webkitmouseforcewillbegin webkitplaybacktargetavailabilitychanged webkittransitionend webkitwillrevealbottom wheel zoom`,
)

/** Attributes that hold an address to load or to go to. */
export const URL_ATTRIBUTES = words(
  'href src data action formaction background poster lowsrc dynsrc xlink:href srcdoc code codebase cite longdesc manifest archive classid usemap ping icon url from to values',
)
